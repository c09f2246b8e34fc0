"""django-q2 as Hearth runs it: the queue is a table, and whoever fills it wakes the worker at once."""
