"""This server's own policy list: a room of the server's own user, whose rules administrators write."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from matrix_app.protocol.errors import Conflict, InvalidParam, NotFound
from matrix_app.protocol.ids import parse_room_alias, parse_room_id, parse_user_id
from matrix_app.protocol.policy_rules import BAN, LONGEST_ENTITY, Rule, RuleKind, RuleSet
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.create_room import NewRoom, StateEvent
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.services.send_event import send_state
from matrix_app.services.system_user import system_requester, system_room
from matrix_app.storage import db, policy_lists, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.policy_lists import Applied, ListRow

_ROOM: Final = "policy_list"
_LONGEST_REASON: Final = 500
_LONGEST_KEY: Final = 200


def make_own(actor: Actor, *, is_public: bool) -> int:
    """Make the list, and have it applied; its nid. A public one others can follow. Raises `Conflict`."""
    if policy_lists.own() is not None:
        raise Conflict("This server has a policy list of its own already")
    wanted = NewRoom(
        preset="public_chat" if is_public else "private_chat",
        name=f"Policy list of {local_server_name()}",
        initial_state=[StateEvent("m.room.history_visibility", {"history_visibility": "shared"})],
    )
    room_id = system_room(_ROOM, wanted)
    with db.write():
        nid = policy_lists.insert(room_id, "", [], now_ms(), is_own=True)
        if nid is None:
            raise Conflict("This policy list is followed already")
        policy_lists.configure(nid, Applied(enabled=True, users=True, rooms=True, servers=True))
        audit.record(actor, "policy.make_own", room_id, public=is_public)
    return nid


def add_rule(actor: Actor, kind: str, entity: str, reason: str) -> None:
    """Ban somebody or something, or say another reason for it.

    Raises `InvalidParam` for an entity that is none, or that means this server or all of its users.
    """
    row, wanted = _own(), _checked(kind, entity.strip())
    if len(reason) > _LONGEST_REASON:
        raise InvalidParam("The reason is too long")
    content = {"entity": wanted.entity, "recommendation": BAN, "reason": reason.strip()}
    known = next((rule for rule in rules_of(row).rules if _is_same(rule, wanted)), None)
    event_type, key = (known.event_type, known.state_key) if known else (wanted.kind.event_type, _key(wanted))
    _write(row, event_type, key, content)
    audit.record(actor, "policy.add_rule", wanted.entity, kind=kind, reason=reason)


def remove_rule(actor: Actor, event_id: str) -> None:
    """Take a rule back; raises `NotFound`."""
    row = _own()
    found = next((rule for rule in rules_of(row).rules if rule.event_id == event_id), None)
    if found is None:
        raise NotFound("There is no such rule any more")
    _write(row, found.event_type, found.state_key, {})
    audit.record(actor, "policy.remove_rule", found.entity, kind=found.kind.value)


def _write(row: ListRow, event_type: str, key: str, content: dict[str, Any]) -> None:
    if rooms.find(row.room_id) is None:
        raise NotFound("The room of this server's policy list is gone: follow it no longer, and make another")
    send_state(system_requester(), row.room_id, event_type, key, content)


def _own() -> ListRow:
    found = policy_lists.own()
    if found is None:
        raise NotFound("This server has no policy list of its own")
    return found


def _is_same(rule: Rule, wanted: Rule) -> bool:
    return (rule.kind, rule.entity) == (wanted.kind, wanted.entity)


def _key(rule: Rule) -> str:
    """The state key of a rule: what it means, as other tools have it, or a hash where that is long."""
    plain = f"rule:{rule.entity}"
    if len(plain.encode()) <= _LONGEST_KEY:
        return plain
    return f"rule:{hashlib.sha256(rule.entity.encode()).hexdigest()}"


def _checked(kind: str, entity: str) -> Rule:
    if kind not in set(RuleKind) or not 0 < len(entity) <= LONGEST_ENTITY or not entity.isprintable():
        raise InvalidParam("Say whom or what the rule is about")
    rule = Rule(RuleKind(kind), entity, BAN, "")
    if not rule.is_glob:
        _parse(rule)
    bans = RuleSet([rule])
    local = local_server_name()
    # An example user stands for all of them.
    if bans.server(local) is not None or bans.user_alone(f"@a-user-of-this-server:{local}") is not None:
        raise InvalidParam("The rule would mean this server, or all of its users")
    return rule


def _parse(rule: Rule) -> None:
    """Raise `InvalidParam` for an entity that can be nobody's."""
    if rule.kind is RuleKind.USER:
        parse_user_id(rule.entity)
    elif rule.kind is RuleKind.ROOM:
        (parse_room_alias if rule.entity.startswith("#") else parse_room_id)(rule.entity)
    elif any(character.isspace() or character in "/@#!" for character in rule.entity):
        raise InvalidParam("That is not the name of a server")
