"""What is refused because of policy lists. Users of this server are for administrators to lock.

Each question is one statement, which finds nothing where no list is followed; messages and syncs ask none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.policy_rules import Rule, RuleSet
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.storage import aliases, db, policy_lists, rooms, summaries
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.policy_lists import ListRow

_log = structlog.get_logger("matrix_app.policy_lists")

Question = Callable[[ListRow, RuleSet], Rule | None]


def refuse_join(room_id: str, names: Iterable[str] = ()) -> None:
    """Raise `Forbidden` for a room that a list bans, by its ID, its aliases here, or other names for it."""
    lists = policy_lists.enabled()
    if lists:
        _refuse(
            lists,
            _about_room(room_id, names),
            "A policy list that this server follows bans the room",
            room_id,
        )


def refuse_invite(sender: str, target: str, room_id: str) -> None:
    """Raise `Forbidden` for an invite by or of somebody whom a list bans, or to a room that one bans."""
    lists = policy_lists.enabled()
    if not lists:
        return
    _refuse(lists, _about_room(room_id, ()), "A policy list that this server follows bans the room", room_id)
    for user_id, why in (
        (sender, "A policy list that this server follows bans who invites"),
        (target, "A policy list that this server follows bans who is invited"),
    ):
        if domain_of(user_id) != local_server_name():
            _refuse(lists, _about_user(user_id), why, user_id)


def ban_of_invite(row: ListRow, sender: str, room_id: str) -> Rule | None:
    """The rule by which an applied list would refuse an invite of somebody here; None where none would."""
    bans = rules_of(row).bans
    found = _about_room(room_id, ())(row, bans)
    if found is None and domain_of(sender) != local_server_name():
        found = _about_user(sender)(row, bans)
    return found


def _about_room(room_id: str, names: Iterable[str]) -> Question:
    known = {room_id, *names, *_aliases(room_id)}
    return lambda row, bans: bans.room(known) if row.block_rooms else None


def _aliases(room_id: str) -> Iterable[str]:
    room = rooms.find(room_id)
    if room is None:
        return ()
    main = summaries.get(room.nid).canonical_alias
    return [*aliases.of_room(room.nid), *([main] if main else [])]


def _about_user(user_id: str) -> Question:
    def ask(row: ListRow, bans: RuleSet) -> Rule | None:
        found = bans.user_alone(user_id) if row.block_users else None
        return found or (bans.server(domain_of(user_id)) if row.block_servers else None)

    return ask


def _refuse(lists: Iterable[ListRow], question: Question, why: str, entity: str) -> None:
    for row in lists:
        rule = question(row, rules_of(row).bans)
        if rule is not None:
            _log.info("refused by a policy list", list=row.room_id, entity=entity, rule=rule.entity)
            with db.write():
                policy_lists.count_refusal(row.nid, now_ms())
            raise Forbidden(why)
