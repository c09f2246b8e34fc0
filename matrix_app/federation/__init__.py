"""The server-server API: server, client, keys, sender, inbound."""
