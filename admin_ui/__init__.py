"""The pages of Hearth: setup, administration, and everybody's own account."""
