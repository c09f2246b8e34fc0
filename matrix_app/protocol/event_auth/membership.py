"""Who may change whose membership: rule 5 of versions 1 to 5 and 12, rule 4 of versions 6 to 11."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.create import creators_of
from matrix_app.protocol.event_auth.identifiers import is_user_id
from matrix_app.protocol.event_auth.power_levels import PowerLevels
from matrix_app.protocol.event_auth.selection import CREATE_KEY, JOIN_RULES_KEY
from matrix_app.protocol.event_auth.third_party import check_third_party_invite
from matrix_app.protocol.events import Event, StateMap


def membership_of(state: StateMap, user_id: str) -> str:
    """The user's membership in a room of this state; `leave` for someone who was never there."""
    event = state.get(("m.room.member", user_id))
    membership = event.content.get("membership") if event is not None else None
    return membership if isinstance(membership, str) else "leave"


def join_rule_of(state: StateMap) -> str:
    """The join rule of a room of this state, `invite` where none is set."""
    event = state.get(JOIN_RULES_KEY)
    join_rule = event.content.get("join_rule", "invite") if event is not None else "invite"
    return join_rule if isinstance(join_rule, str) else "invite"


def check_membership(event: Event, state: StateMap) -> None:
    """Refuse a membership event that its sender may not send in a room of this state."""
    # .1: a membership event has a target and a membership.
    if event.state_key is None or "membership" not in event.content:
        raise AuthorizationFailed("A membership event needs a state key and a membership")
    # .2 from version 8: who is said to have let the user in must have signed by way of their server.
    # The signature was checked with all others ("Validating hashes and signatures on received
    # events"); nobody can have signed for what is no user ID.
    key = "join_authorised_via_users_server"
    if event.rules.restricted_join and key in event.content and not is_user_id(event.content[key]):
        raise AuthorizationFailed(f"{key} must be a user ID")
    if event.is_unauthorised:
        raise AuthorizationFailed("The server that is said to have let the user in has not signed")
    membership = event.content["membership"]
    check = _CHECKS.get(membership) if isinstance(membership, str) else None
    # Last rule: a membership that the version does not know is refused.
    if check is None:
        raise AuthorizationFailed(f"The membership {membership!r} is not known")
    check(event, event.state_key, state)


def check_sender_joined(event: Event, state: StateMap) -> None:
    """Rule 6 of versions 1 to 5 and 12, rule 5 of versions 6 to 11; also within the membership rules."""
    if membership_of(state, event.sender) != "join":
        raise AuthorizationFailed(f"{event.sender} is not in the room")


def _check_join(event: Event, target: str, state: StateMap) -> None:
    # .1: right after the create event, its creator may be let in.
    create = state[CREATE_KEY]
    if event.prev_event_ids == [create.event_id] and _is_first_creator(target, create):
        return
    # .2: nobody joins for another.
    if event.sender != target:
        raise AuthorizationFailed("A user can only join for themselves")
    # .3: who is banned does not get in.
    membership = membership_of(state, target)
    if membership == "ban":
        raise AuthorizationFailed(f"{target} is banned from the room")
    join_rule = join_rule_of(state)
    # .6 (.5 before version 8): anybody may join a public room.
    if join_rule == "public":
        return
    # .4 and .5: the other join rules let in who is there already or is invited.
    if not _is_known_join_rule(event, join_rule):
        raise AuthorizationFailed(f"The join rule {join_rule!r} lets nobody in")
    if membership in ("join", "invite"):
        return
    # .5.2 and .5.3: and the restricted ones whom a member let in that may invite.
    if not _is_restricted(event, join_rule):
        raise AuthorizationFailed(f"{target} is not invited to the room")
    _check_authoriser(event, state)


def _is_first_creator(target: str, create: Event) -> bool:
    if create.rules.implicit_room_creator:
        return target == create.sender
    return target in creators_of(create, create.rules)


def _is_known_join_rule(event: Event, join_rule: str) -> bool:
    if join_rule == "knock":
        return event.rules.knock
    return join_rule == "invite" or _is_restricted(event, join_rule)


def _is_restricted(event: Event, join_rule: str) -> bool:
    if join_rule == "knock_restricted":
        return event.rules.knock_restricted_join
    return join_rule == "restricted" and event.rules.restricted_join


def _check_authoriser(event: Event, state: StateMap) -> None:
    authoriser = event.content.get("join_authorised_via_users_server")
    if not isinstance(authoriser, str):
        raise AuthorizationFailed(f"{event.sender} is not invited and no member let them in")
    if membership_of(state, authoriser) != "join":
        raise AuthorizationFailed(f"{authoriser}, who let {event.sender} in, is not in the room")
    levels = PowerLevels.from_state(state, event.rules)
    if levels.user_level(authoriser) < levels.invite:
        raise AuthorizationFailed(f"{authoriser}, who let {event.sender} in, may not invite")


def _check_invite(event: Event, target: str, state: StateMap) -> None:
    # .1: an invite that came out of a third-party one has rules of its own.
    if "third_party_invite" in event.content:
        if membership_of(state, target) == "ban":
            raise AuthorizationFailed(f"{target} is banned from the room")
        check_third_party_invite(event, state)
        return
    # .2: who invites is in the room.
    check_sender_joined(event, state)
    # .3: who is invited is not, and is not banned.
    membership = membership_of(state, target)
    if membership in ("join", "ban"):
        raise AuthorizationFailed(f"{target} cannot be invited: their membership is {membership}")
    # .4 and .5: the invite level.
    levels = PowerLevels.from_state(state, event.rules)
    if levels.user_level(event.sender) < levels.invite:
        raise AuthorizationFailed(f"{event.sender} may not invite")


def _check_leave(event: Event, target: str, state: StateMap) -> None:
    membership = membership_of(state, target)
    # .1: a user may leave, turn down an invite, and take back a knock where there are knocks.
    if event.sender == target:
        if membership in ("invite", "join") or (membership == "knock" and event.rules.knock):
            return
        raise AuthorizationFailed(f"{target} cannot leave: their membership is {membership}")
    # .2: who removes another is in the room.
    check_sender_joined(event, state)
    levels = PowerLevels.from_state(state, event.rules)
    sender_level = levels.user_level(event.sender)
    # .3: lifting a ban takes the ban level,
    if membership == "ban" and sender_level < levels.ban:
        raise AuthorizationFailed(f"{event.sender} may not lift bans")
    # .4 and .5: and all removing takes the kick level and more power than the target has.
    if sender_level < levels.kick:
        raise AuthorizationFailed(f"{event.sender} may not remove users")
    _check_outranks(event.sender, target, levels)


def _check_ban(event: Event, target: str, state: StateMap) -> None:
    # .1: who bans is in the room.
    check_sender_joined(event, state)
    # .2 and .3: the ban level, and more power than the target has.
    levels = PowerLevels.from_state(state, event.rules)
    if levels.user_level(event.sender) < levels.ban:
        raise AuthorizationFailed(f"{event.sender} may not ban users")
    _check_outranks(event.sender, target, levels)


def _check_outranks(sender: str, target: str, levels: PowerLevels) -> None:
    if levels.user_level(target) >= levels.user_level(sender):
        raise AuthorizationFailed(f"{target} has no less power than {sender}")


def _check_knock(event: Event, target: str, state: StateMap) -> None:
    # From version 7; before, the membership is unknown.
    if not event.rules.knock:
        raise AuthorizationFailed("Rooms of this version know no knocking")
    # .1: the join rule lets users knock.
    join_rule = join_rule_of(state)
    if join_rule != "knock" and not (join_rule == "knock_restricted" and event.rules.knock_restricted_join):
        raise AuthorizationFailed("The room does not take knocks")
    # .2: nobody knocks for another.
    if event.sender != target:
        raise AuthorizationFailed("A user can only knock for themselves")
    # .3 and .4: there is no knocking for who is banned, invited or in.
    membership = membership_of(state, target)
    if membership in ("ban", "invite", "join"):
        raise AuthorizationFailed(f"{target} cannot knock: their membership is {membership}")


_CHECKS: Final[dict[str, Callable[[Event, str, StateMap], None]]] = {
    "join": _check_join,
    "invite": _check_invite,
    "leave": _check_leave,
    "ban": _check_ban,
    "knock": _check_knock,
}
