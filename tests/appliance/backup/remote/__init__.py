"""Tests of backups elsewhere."""
