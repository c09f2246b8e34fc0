"""Simplified sliding sync (MSC4186): the rooms at the top of lists, and only what changed since."""
