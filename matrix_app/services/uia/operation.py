"""What a session of user-interactive authentication is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Flow = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request that must be authenticated.

    `endpoint` is the method and the path: a session serves no other. `user_nid` is None when nobody is
    signed in. `params` is the request's body without `auth` and without passwords, which have become
    hashes; while nobody is signed in it may be changed from one request of a session to the next, as
    somebody who registers picks another name, and otherwise not. `action` completes the sentence "Confirm
    that you want to ...".
    """

    endpoint: str
    action: str
    flows: tuple[Flow, ...]
    user_nid: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    ip: str = ""
