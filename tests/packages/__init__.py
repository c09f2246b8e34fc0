"""The packages for Debian and Ubuntu."""
