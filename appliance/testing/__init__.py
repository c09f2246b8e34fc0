"""What `hearth test` is made of: the stages, a PostgreSQL of its own, the summary."""
