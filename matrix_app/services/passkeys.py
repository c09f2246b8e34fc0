"""Passkeys of users: made, named, removed. `passkey_proof.py` has their use."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, NotFound
from matrix_app.services import audit
from matrix_app.services import passkey_ceremonies as ceremonies
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.audit import Actor
from matrix_app.services.passkey_challenges import Purpose, issue, of_session, spend
from matrix_app.services.relying_party import RelyingParty, relying_party
from matrix_app.services.second_factor import after_removal, first_recovery_codes
from matrix_app.storage import db, interning
from matrix_app.storage import passkeys as stored
from matrix_app.storage.clock import now_ms
from matrix_app.storage.passkeys import PasskeyRow
from matrix_app.storage.web_sessions import WebSessionRow

MOST: Final = 20
LONGEST_NAME: Final = 100


class Registrant(NamedTuple):
    """For whom a passkey is made, and what binds its challenge to their browser."""

    user_nid: int
    user_id: str
    bound_to: str


def needed_party() -> RelyingParty:
    """Who passkeys are made for; raises `Forbidden` where there can be none."""
    party = relying_party()
    if party is None:
        raise Forbidden("Passkeys need a domain and https: see server.public_baseurl")
    return party


def usable(user_nid: int) -> list[PasskeyRow]:
    """The passkeys of a user that work at this server's present address."""
    party = relying_party()
    return [] if party is None else [row for row in stored.of_user(user_nid) if row.rp_id == party.id]


def begin_registration(session: WebSessionRow) -> dict[str, Any]:
    """What a browser needs to have a passkey made for the user of a session, as `begin_for`."""
    return begin_for(_registrant(session))


def begin_for(who: Registrant) -> dict[str, Any]:
    """What a browser needs to have a passkey made for somebody.

    Raises `Forbidden` where there can be none, `Conflict` when the user has as many as may be.
    """
    party, known = needed_party(), _refusing_more(who.user_nid)
    challenge = issue(Purpose.REGISTER, who.bound_to, who.user_nid)
    handle = _user_handle(who.user_nid)
    return ceremonies.registration_options(
        party, challenge, user_handle=handle, user_id=who.user_id, known=known
    )


def finish_registration(session: WebSessionRow, text: str, name: str, actor: Actor) -> list[str]:
    """Keep the passkey that was made for the user of a session, as `finish_for`."""
    return finish_for(_registrant(session), text, name, actor)


def finish_for(who: Registrant, text: str, name: str, actor: Actor) -> list[str]:
    """Keep the passkey that was made; recovery codes, shown once, where the user had none, or [].

    Raises `InvalidParam`, `Conflict`, or `Forbidden` for what was not made as it was asked for.
    """
    party, user_nid = needed_party(), who.user_nid
    name = _checked_name(name)
    answer = ceremonies.read_answer(text)
    spend(Purpose.REGISTER, who.bound_to, answer.challenge)
    made = ceremonies.verify_registration(party, answer)
    with db.write():
        _refusing_more(user_nid)
        if not stored.put(
            user_nid,
            made.credential_id,
            made.public_key,
            sign_count=made.sign_count,
            name=name,
            user_handle=_user_handle(user_nid),
            rp_id=party.id,
            now=now_ms(),
        ):
            raise Conflict("This passkey is known here already")
        audit.record(actor, "passkey.add", who.user_id, name=name)
        return first_recovery_codes(user_nid)


def rename(user_nid: int, nid: int, name: str, actor: Actor) -> None:
    """Give a passkey of a user another name; raises `NotFound` or `InvalidParam`."""
    name = _checked_name(name)
    with db.write():
        if not stored.rename(nid, user_nid, name):
            raise NotFound("There is no such passkey")
        audit.record(actor, "passkey.rename", interning.user_id_of(user_nid), name=name)


def remove(user_nid: int, nid: int, actor: Actor) -> None:
    """Remove a passkey of a user.

    Raises `NotFound`, or `Forbidden` where it is the last second factor of somebody who must have one.
    """
    with db.write():
        found = stored.get(nid, user_nid)
        if found is None:
            raise NotFound("There is no such passkey")
        stored.delete(nid, user_nid)
        after_removal(user_nid)
        audit.record(actor, "passkey.remove", interning.user_id_of(user_nid), name=found.name)


def _registrant(session: WebSessionRow) -> Registrant:
    return Registrant(session.user_nid, session.user_id, of_session(session))


def _refusing_more(user_nid: int) -> list[PasskeyRow]:
    known = stored.of_user(user_nid)
    if len(known) >= MOST:
        raise Conflict("You have as many passkeys as you may: remove one first")
    return known


def _checked_name(name: str) -> str:
    name = " ".join(name.replace("\0", "").split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidParam("Give the passkey a name of at most 100 characters")
    return name


def _user_handle(user_nid: int) -> bytes:
    """How authenticators know a user: it tells nothing to whoever reads it there."""
    return hash_token(f"user of passkeys {user_nid}")
