"""Servers that misbehave, and what that does to everybody else."""
