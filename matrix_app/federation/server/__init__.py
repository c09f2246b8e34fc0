"""The server-server API: thin handlers, one file per part of the specification."""
