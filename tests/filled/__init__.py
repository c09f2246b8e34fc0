"""Servers that are full of people, rooms and files, for tests and benchmarks of the pages.

HEARTH_CONFIG=.../hearth.toml python -m tests.filled SIZE FILE     # writes what there is to look at
"""
