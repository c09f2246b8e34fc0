"""The OAuth 2.0 API of the client-server API: this server is its own authorisation server."""
