"""What this server answers to other servers, one file per group of endpoints."""
