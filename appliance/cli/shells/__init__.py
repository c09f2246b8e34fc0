"""Completion of the command line in shells, made from what the verbs declare."""
