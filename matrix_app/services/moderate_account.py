"""Locking and suspending accounts ("Account moderation")."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage import accounts, db
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name


def moderated_account(requester: Requester, user_id: str) -> Account:
    """The account that an administrator asks about.

    Raises `InvalidParam` for a user of another server, `NotFound` for one that does not exist any more, and
    `Forbidden` for another administrator.
    """
    if domain_of(parse_user_id(user_id)) != local_server_name():
        raise InvalidParam("The user does not belong to this server")
    account = accounts.find(user_id)
    if account is None or account.deactivated_ts is not None:
        raise NotFound("There is no such user")
    if account.is_admin and account.user_nid != requester.user_nid:
        raise Forbidden("The user is an administrator")
    return account


def set_locked(requester: Requester, user_id: str, locked: bool, actor: Actor | None = None) -> None:
    """Lock or unlock an account; who is locked can only sign out."""
    account = _other(requester, user_id)
    with db.write():
        accounts.set_locked(account.user_nid, (account.locked_ts or now_ms()) if locked else None)
        _record(requester, actor, "user.lock" if locked else "user.unlock", user_id)


def set_suspended(requester: Requester, user_id: str, suspended: bool, actor: Actor | None = None) -> None:
    """Suspend an account or lift that; who is suspended can only read and leave."""
    account = _other(requester, user_id)
    with db.write():
        accounts.set_suspended(account.user_nid, (account.suspended_ts or now_ms()) if suspended else None)
        _record(requester, actor, "user.suspend" if suspended else "user.unsuspend", user_id)


def _record(requester: Requester, actor: Actor | None, action: str, user_id: str) -> None:
    audit.record(actor or Actor(requester.user_nid, "api"), action, user_id)


def _other(requester: Requester, user_id: str) -> Account:
    account = moderated_account(requester, user_id)
    if account.user_nid == requester.user_nid:
        raise Forbidden("You cannot do this to your own account")
    return account
