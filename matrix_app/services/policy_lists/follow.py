"""Following policy lists: beginning with one, saying what of it is applied, and ending with it."""

from __future__ import annotations

from matrix_app.protocol.errors import Conflict, InvalidParam, MatrixError, NotFound
from matrix_app.services import audit, joining, membership
from matrix_app.services.audit import Actor
from matrix_app.services.background import run_later
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.services.room_aliases import resolve
from matrix_app.services.system_user import system_requester
from matrix_app.storage import db, policy_lists
from matrix_app.storage.clock import now_ms
from matrix_app.storage.policy_lists import Applied, ListRow


def find(nid: int) -> ListRow:
    """A list that is followed; raises `NotFound`."""
    found = policy_lists.get(nid)
    if found is None:
        raise NotFound("No such policy list is followed")
    return found


def subscribe(actor: Actor, room: str, via: list[str]) -> int:
    """Follow the list in a room, by its ID or alias; its nid. Nothing of it is applied yet.

    The server's own user joins the room, by and by where another server has to let it in. Raises what is
    against that, and `Conflict` for a list that is followed already.
    """
    room_id, alias, servers = _resolved(room.strip(), via)
    with db.write():
        nid = policy_lists.insert(room_id, alias, servers, now_ms(), is_own=False)
        if nid is None:
            raise Conflict("This policy list is followed already")
        audit.record(actor, "policy.subscribe", room_id, alias=alias)
    try:
        joining.join(system_requester(), room_id, via=servers)
    except MatrixError:
        with db.write():
            policy_lists.delete(nid)
        raise
    return nid


def _resolved(room: str, via: list[str]) -> tuple[str, str, list[str]]:
    if room.startswith("#"):
        found = resolve(room)
        return found.room_id, room, found.servers
    if not room.startswith("!"):
        raise InvalidParam("Neither a room ID nor an alias")
    return room, "", via


def join_again(actor: Actor, nid: int) -> None:
    """Have the server's own user join the room of a list, which was removed from it or never came in."""
    row = find(nid)
    joining.join(system_requester(), row.room_id, via=row.via)
    audit.record(actor, "policy.join", row.room_id)


def configure(actor: Actor, nid: int, wanted: Applied) -> None:
    """Say whether a list is applied, which of its rules are, and whether invites that wait are taken back."""
    row = find(nid)
    with db.write():
        policy_lists.configure(nid, wanted)
        audit.record(actor, "policy.configure", row.room_id, **wanted._asdict())
        if wanted.enabled and wanted.end_invites:
            run_later("end_banned_invites")


def unsubscribe(actor: Actor, nid: int) -> None:
    """Follow a list no longer: the server's own user leaves its room, unless it is this server's own list."""
    row = find(nid)
    with db.write():
        policy_lists.delete(nid)
        audit.record(actor, "policy.unsubscribe", row.room_id)
    if row.is_own:
        return
    try:
        membership.leave(system_requester(), row.room_id, forced=True)
    except MatrixError:
        # It was not in the room (any more), or no server of it can be reached.
        return


def about(entity: str) -> list[tuple[ListRow, str, str]]:
    """What the lists say of a user, a room or a server: the list, the rule and its reason."""
    found = []
    for row in policy_lists.everything():
        bans = rules_of(row).bans
        if entity.startswith("@") and ":" in entity:
            rule = bans.user(entity)
        elif entity.startswith(("!", "#")):
            rule = bans.room([entity])
        else:
            rule = bans.server(entity)
        if rule is not None:
            found.append((row, rule.entity, rule.reason))
    return found
