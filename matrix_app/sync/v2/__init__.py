"""/sync, version 2 ("Syncing" of the client-server API)."""
