"""Who may see an event ("Room History Visibility"). Pure: the facts are the caller's to find."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

Visibility = Literal["world_readable", "shared", "invited", "joined"]

DEFAULT_VISIBILITY: Final[Visibility] = "shared"
_KNOWN: Final = frozenset(get_args(Visibility))
# With these the members of a room see all that was sent, whenever they joined.
_OPEN: Final = frozenset({"world_readable", "shared"})


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """A value before an event and after it; one that the event does not change is the same twice.

    Only `m.room.history_visibility` changes the visibility, and only the user's own `m.room.member` event
    the membership. For every other event, both are what the room's state at the event says.
    """

    before: str
    after: str

    @classmethod
    def unchanged(cls, value: str) -> BeforeAndAfter:
        """What the state at an event says, for an event that leaves it alone."""
        return cls(value, value)


def visibility_of(content: Mapping[str, Any] | None) -> Visibility:
    """The visibility that `m.room.history_visibility` sets; without one, or not understood, `shared`."""
    value = content.get("history_visibility") if content else None
    return cast("Visibility", value) if isinstance(value, str) and value in _KNOWN else DEFAULT_VISIBILITY


def may_see(visibility: BeforeAndAfter, membership: BeforeAndAfter, *, joined_since: bool) -> bool:
    """Whether a user may see an event.

    `membership` is the user's own (`leave` for one who never was in the room), and `joined_since` says
    whether the user joined at any point after the event.
    """
    return any(
        _user_may_see(setting, state, joined_since)
        for setting in (visibility.before, visibility.after)
        for state in (membership.before, membership.after)
    )


def may_see_all(visibilities: Collection[str], membership: str) -> bool:
    """Whether a user sees every event of a stretch of history, with no look at the single events.

    `visibilities` are all that were in force in that stretch, `membership` is the user's present one.
    """
    if membership == "join":
        return _OPEN.issuperset(visibilities)
    return all(setting == "world_readable" for setting in visibilities)


def server_may_see(visibility: BeforeAndAfter, memberships: Iterable[BeforeAndAfter]) -> bool:
    """Whether a server that is in the room may see an event.

    It may if any of its users might, now or by joining; `memberships` are those of its users at the event.
    """
    if visibility.before in _OPEN or visibility.after in _OPEN:
        return True
    return any(may_see(visibility, membership, joined_since=False) for membership in memberships)


def _user_may_see(visibility: str, membership: str, joined_since: bool) -> bool:
    # 1. If the visibility was `world_readable`, allow. 2. If the membership was `join`, allow.
    if visibility == "world_readable" or membership == "join":
        return True
    # 3. If the visibility was `shared`, and the user joined at any point after the event, allow.
    if visibility == "shared" and joined_since:
        return True
    # 4. If the membership was `invite`, and the visibility `invited`, allow. 5. Otherwise, deny.
    return visibility == "invited" and membership == "invite"
