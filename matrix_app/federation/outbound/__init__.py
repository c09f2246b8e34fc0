"""What users of this server do in rooms of others: joining, knocking, leaving, inviting."""
