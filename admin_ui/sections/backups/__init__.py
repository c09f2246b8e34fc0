"""Backups: what there is, making, verifying and fetching them."""
