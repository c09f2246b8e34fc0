"""Models and queries: the only place with SQL (design, section 4)."""
