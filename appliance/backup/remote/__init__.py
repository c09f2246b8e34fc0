"""Backups elsewhere: in an object store that speaks S3, or on a machine that is reached by SSH."""
