"""Making accounts from a table: read it, judge its rows, show what would happen, do that in the worker."""
