"""Thin handlers of the client-server API, one file per module of the specification."""
