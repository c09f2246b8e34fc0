"""Ephemeral data units of other servers, one module for each kind."""
