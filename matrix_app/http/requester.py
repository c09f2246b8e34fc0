"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requester:
    """A user of this server who has proved to be so, with the device and the token used."""

    user_id: str
    user_nid: int
    device_id: str | None
    device_nid: int | None
    token_nid: int | None
    is_guest: bool = False
    is_admin: bool = False
    is_locked: bool = False
    is_suspended: bool = False
    appservice_id: str | None = None
    has_no_rate_limits: bool = False
    # Messages a second, and at once, where what holds for this user is not what holds for everybody.
    own_rate: tuple[int, int] | None = None
