"""What a user may not do because of the state of their account."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import UserSuspended


def refuse_suspended(requester: Requester) -> None:
    """Raise `UserSuspended` for a user who may only read and leave ("Account suspension")."""
    if requester.is_suspended:
        raise UserSuspended("You cannot do this while your account is suspended")
