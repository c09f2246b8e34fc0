"""Which events of a room a user may see: history visibility, ignored and erased users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.history_visibility import BeforeAndAfter, may_see, visibility_of
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.services.last_stay import LastJoined
from matrix_app.services.state_at import states_at
from matrix_app.storage import erased_users, events, ignored_users, interning
from matrix_app.storage.events import ERASED, EventRow, Status

VISIBILITY: Final[type_and_key] = ("m.room.history_visibility", "")


def filter_visible(
    rows: Sequence[EventRow],
    viewer_nid: int,
    *,
    ignored: frozenset[int] | None = None,
    show_ignored: bool = False,
) -> list[EventRow]:
    """Those of the events, of one room or of several, which the user may see, in their order.

    Messages of users whom they ignore are left out; pass `ignored` (`ignored_users.ignored_by`) where it
    is known, or `show_ignored`. Events of erased users are marked as `ERASED` for those who were not
    there when they were sent. The number of statements does not depend on that of the events.
    """
    shown = [row for row in rows if row.status == Status.NORMAL]
    if not show_ignored and shown:
        shown = _without_ignored(shown, viewer_nid, ignored)
    if not shown:
        return []
    facts = _Facts(shown, viewer_nid)
    shown = [row for row in shown if facts.visible(row)]
    return _with_erased(shown, facts)


def _without_ignored(rows: list[EventRow], viewer_nid: int, ignored: frozenset[int] | None) -> list[EventRow]:
    # State events of ignored users must still be sent.
    if all(row.key_nid is not None or row.sender_nid == viewer_nid for row in rows):
        return rows
    hidden = ignored_users.ignored_by(viewer_nid) if ignored is None else ignored
    return [row for row in rows if row.key_nid is not None or row.sender_nid not in hidden]


class _Facts:
    """What the state of the rooms said of history and of the user at each of the events."""

    def __init__(self, rows: Sequence[EventRow], viewer_nid: int) -> None:
        self.member_pair: type_and_key = ("m.room.member", interning.user_id_of(viewer_nid))
        self._member_key = interning.find_key(*self.member_pair)
        before = states_at({row.state_nid for row in rows}, [VISIBILITY, self.member_pair])
        self._visibilities = before[VISIBILITY]
        self._memberships = {nid: membership_word(event) for nid, event in before[self.member_pair].items()}
        self._verdicts: dict[int | None, tuple[bool, bool]] = {}
        self._last_joined = LastJoined(viewer_nid, self.member_pair)

    def visible(self, row: EventRow) -> bool:
        """Whether the user may see the event."""
        if row.is_outlier:
            # The state there is not known: one's own membership is all that is.
            return row.key_nid is not None and row.key_nid == self._member_key
        now, later = self._verdict(row)
        return now or (later and self._last_joined.after(row))

    def _verdict(self, row: EventRow) -> tuple[bool, bool]:
        """Whether the event can be seen, and whether it can by who joined later."""
        if row.key_nid is not None:
            return self._judge(row)
        # Between two state events, all is the same.
        verdict = self._verdicts.get(row.state_nid)
        if verdict is None:
            verdict = self._verdicts[row.state_nid] = self._judge(row)
        return verdict

    def _judge(self, row: EventRow) -> tuple[bool, bool]:
        around, membership = visibility_around(row, self._visibilities), self._membership(row)
        return may_see(around, membership, joined_since=False), may_see(around, membership, joined_since=True)

    def was_joined(self, row: EventRow) -> bool:
        """Whether the user was in the room when the event was sent."""
        if row.key_nid is None:
            return self._memberships.get(row.state_nid or 0) == "join"
        return self._membership(row).after == "join"

    def _membership(self, row: EventRow) -> BeforeAndAfter:
        """The user's membership around the event."""
        before = self._memberships.get(row.state_nid or 0, "leave")
        if row.key_nid is not None and row.key_nid == self._member_key:
            return BeforeAndAfter(before, membership_word(events.parse(row)))
        return BeforeAndAfter.unchanged(before)


def visibility_around(row: EventRow, settings: Mapping[int, Event]) -> BeforeAndAfter:
    """The history visibility before and after an event; `settings` are those by snapshot."""
    setting = settings.get(row.state_nid or 0)
    before = visibility_of(None if setting is None else setting.content)
    if row.type == VISIBILITY[0] and row.key_nid == interning.find_key(*VISIBILITY):
        return BeforeAndAfter(before, visibility_of(events.parse(row).content))
    return BeforeAndAfter.unchanged(before)


def membership_word(event: Event) -> str:
    """The membership that a member event gives, as the specification names it."""
    return membership_in(event).word


def _with_erased(rows: list[EventRow], facts: _Facts) -> list[EventRow]:
    # Who erased their account is shown in redacted copies to those who came after.
    absent = [row for row in rows if not facts.was_joined(row)]
    if not absent:
        return rows
    erased = erased_users.erased_among({row.sender_nid for row in absent})
    if not erased:
        return rows
    marked = {row.nid for row in absent if row.sender_nid in erased and row.redacted_by_nid is None}
    return [row._replace(redacted_by_nid=ERASED) if row.nid in marked else row for row in rows]
