"""What a stored event changes besides being stored. All of it happens in the event's transaction."""
