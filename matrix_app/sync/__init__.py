"""Streams, wake-ups, sync v2 and sliding sync."""
