"""What the worker is asked to do, one line each: every task is idempotent and finds its work itself."""

from __future__ import annotations


def propagate_profile(user_id: str) -> None:
    """Show a changed profile in every room of its user."""
    from matrix_app.services.profile_propagation import propagate

    propagate(user_id)


def send_confirmation(sid: str) -> None:
    """Send the mail of a validation session."""
    from matrix_app.services.threepids.validation import send_confirmation as send

    send(sid)


def leave_all_rooms(user_nid: int) -> None:
    """Let a deactivated user leave every room."""
    from matrix_app.services.deactivate import leave_all_rooms as leave

    leave(user_nid)
