"""Whom a list means of those who are known here: a long task, so that it is seen before a list is applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.policy_rules import Rule, RuleSet
from matrix_app.protocol.said import said
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.services.policy_lists.follow import find
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.storage import aliases, db, policy_lists
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.policy_lists import Match

KIND: Final = "policy.match"
BATCH: Final = 5000
# More of a kind are counted by nobody.
MOST: Final = 2000
_PHASES: Final = ("room", "server", "user", "inviter", "invited")
# What is counted of the last two: invites that wait for users of this server.
_INVITE: Final = "invite"


def look(actor: Actor, nid: int) -> int:
    """Have it looked at whom a list means; the nid of the task."""
    row = find(nid)
    title = said("Look whom the policy list {name} means", name=row.alias or row.room_id)
    return start(KIND, title, {"list_nid": nid}, actor)


@long_task(KIND)
def look_some(task: LongTask) -> bool:
    """Look at the next entities; True at the end."""
    row = find(task.params["list_nid"])
    place = task.checkpoint
    if not place:
        place.update(phase=0, after=0)
        with db.write():
            policy_lists.begin_matches(row.nid)
    phase = _PHASES[place["phase"]]
    kind = phase if phase in ("room", "server", "user") else _INVITE
    task.step = kind
    last, found = _matches(phase, place["after"], rules_of(row).bans)
    room_left = MOST - policy_lists.count_matches(row.nid).get(kind, 0)
    with db.write():
        policy_lists.add_matches(row.nid, found[: max(0, room_left)])
    task.done += len(found)
    task.result = {"matches": task.done}
    if last is not None:
        place["after"] = last
        return False
    place.update(phase=place["phase"] + 1, after=0)
    if place["phase"] < len(_PHASES):
        return False
    with db.write():
        policy_lists.end_matches(row.nid, now_ms())
    return True


def _matches(kind: str, after: int, bans: RuleSet) -> tuple[int | None, list[Match]]:
    """Where to go on, None at the end of the kind, and whom the rules mean of those up to there."""
    if kind == "room":
        rooms = policy_lists.rooms_after(after, BATCH)
        return _last(rooms), list(_rooms(rooms, bans))
    if kind == "server":
        servers = policy_lists.servers_after(after, BATCH)
        return _last(servers), list(_servers(servers, bans))
    if kind in ("inviter", "invited"):
        ask = policy_lists.inviters_after if kind == "inviter" else policy_lists.invited_rooms_after
        invites = ask(after, BATCH)
        return _last(invites), list(_invites(kind, invites, bans))
    users = policy_lists.users_after(after, BATCH)
    return _last(users), list(_users(users, bans))


def _last(
    found: Sequence[tuple[int, str] | tuple[int, str, str | None] | tuple[int, str, int]],
) -> int | None:
    return found[-1][0] if len(found) == BATCH else None


def _rooms(found: list[tuple[int, str, str | None]], bans: RuleSet) -> Iterator[Match]:
    for nid, room_id, alias in found:
        names = [room_id, *([alias] if alias else []), *aliases.of_room(nid)]
        rule = bans.room(names)
        if rule is not None:
            yield _match("room", alias or room_id, rule, 1)


def _servers(found: list[tuple[int, str]], bans: RuleSet) -> Iterator[Match]:
    for nid, name in found:
        rule = bans.server(name) if name != local_server_name() else None
        rooms = policy_lists.rooms_of_server(nid) if rule is not None else 0
        if rule is not None and rooms:
            yield _match("server", name, rule, rooms)


def _users(found: list[tuple[int, str]], bans: RuleSet) -> Iterator[Match]:
    for nid, user_id in found:
        rule = bans.user_alone(user_id) if domain_of(user_id) != local_server_name() else None
        rooms = policy_lists.rooms_of_user(nid) if rule is not None else 0
        if rule is not None and rooms:
            yield _match("user", user_id, rule, rooms)


def _invites(kind: str, found: list[tuple[int, str, int]], bans: RuleSet) -> Iterator[Match]:
    for nid, entity, count in found:
        if kind == "invited":
            rule = bans.room([entity, *aliases.of_room(nid)])
        elif domain_of(entity) == local_server_name():
            rule = None
        else:
            rule = bans.user_alone(entity) or bans.server(domain_of(entity))
        if rule is not None:
            yield _match(_INVITE, entity, rule, count)


def _match(kind: str, entity: str, rule: Rule, rooms: int) -> Match:
    return Match(kind, entity, rule.entity, rule.reason, rooms)
