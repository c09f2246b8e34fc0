"""Backups: making, keeping, verifying and restoring them."""
