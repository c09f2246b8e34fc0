"""The database backend of tests on PostgreSQL."""
