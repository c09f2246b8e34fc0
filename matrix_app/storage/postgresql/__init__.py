"""Django's backend for PostgreSQL, which looks at the socket where Django would ask the server."""
