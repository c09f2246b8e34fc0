"""What workers run: one line each, calling services."""

from __future__ import annotations


def propagate_profile(user_id: str) -> None:
    """Show a changed profile in every room of its user."""
    from matrix_app.services.profile_propagation import propagate

    propagate(user_id)
