"""One mutation per function: permission, transaction, publication (design, sections 3 and 5)."""
