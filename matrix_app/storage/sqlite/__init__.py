"""Django's connection to SQLite, with what Hearth needs of it."""
