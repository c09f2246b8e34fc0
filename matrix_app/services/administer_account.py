"""What administrators do with accounts of this server, for pages, command line and administrators' API alike.

Each writes into the audit log. Locking and suspending are in `moderate_account`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, NotFound
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.protocol.said import said
from matrix_app.services import audit, second_factor, update_device
from matrix_app.services import deactivate as ending
from matrix_app.services.audit import Actor
from matrix_app.services.change_password import change_password
from matrix_app.services.create_account import create_account
from matrix_app.services.delete_devices import delete_all_devices, delete_devices
from matrix_app.services.long_tasks import start
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.storage import accounts, db, devices, pushers, sessions, web_sessions
from matrix_app.storage.accounts import Account, MessageLimit
from matrix_app.storage.local_server import local_server_name

MOST_PER_SECOND: Final = 1_000_000


def account_of(user_id: str) -> Account:
    """The account of a user of this server, active or not; raises `InvalidParam` or `NotFound`."""
    if domain_of(parse_user_id(user_id)) != local_server_name():
        raise InvalidParam("The user does not belong to this server")
    account = accounts.find(user_id)
    if account is None:
        raise NotFound("There is no such user")
    return account


def active_account(user_id: str) -> Account:
    """The account of a user who can sign in; raises `InvalidParam`, `NotFound` or `Conflict`."""
    account = account_of(user_id)
    if account.deactivated_ts is not None:
        raise Conflict("The account has been deactivated")
    return account


def add_account(
    actor: Actor, localpart: str, password: str | None, *, is_admin: bool = False, display_name: str = ""
) -> Account:
    """Make an account with a password that meets the policy; with None nobody can sign in with a password.

    Raises `WeakPassword`, `InvalidUsername`, `UserInUse` or `Exclusive`.
    """
    if password is not None:
        check_policy(password)
    _check_name(localpart)
    password_hash = None if password is None else hash_password(password)
    return add_hashed_account(actor, localpart, password_hash, is_admin=is_admin, display_name=display_name)


def _check_name(localpart: str) -> None:
    from matrix_app.services.register import check_username

    check_username(localpart)


def add_hashed_account(
    actor: Actor, localpart: str, password_hash: str | None, *, is_admin: bool, display_name: str
) -> Account:
    """The same with the hash of a password that was checked: for who is in a transaction already.

    Raises `InvalidUsername`, `UserInUse` or `Exclusive`.
    """
    _check_name(localpart)
    with db.write():
        account = create_account(
            localpart, password_hash=password_hash, is_admin=is_admin, display_name=display_name or None
        )
        audit.record(actor, "user.create", account.user_id, is_admin=is_admin)
    return account


def set_message_limit(actor: Actor, user_id: str, limit: MessageLimit | None) -> None:
    """Have a limit of messages hold for a user in place of the configuration's; with None, that again.

    With 0 a second the user has no rate limits at all. Raises `InvalidParam` or `NotFound`.
    """
    account = account_of(user_id)
    if limit is not None:
        _check_limit(limit)
    with db.write():
        accounts.set_message_limit(account.user_nid, limit)
        if limit is None:
            audit.record(actor, "user.usual_rate", user_id)
        else:
            audit.record(actor, "user.own_rate", user_id, per_second=limit.per_second, burst=limit.burst)


def _check_limit(limit: MessageLimit) -> None:
    if not (0 <= limit.per_second <= MOST_PER_SECOND and 0 <= limit.burst <= MOST_PER_SECOND):
        raise InvalidParam(said("A limit is a number from 0 to {most}", most=MOST_PER_SECOND))
    if limit.per_second and not limit.burst:
        raise InvalidParam("At least one message must be allowed at once, or there would be none")


def set_password(actor: Actor, user_id: str, password: str, *, sign_out: bool) -> None:
    """Give a user another password; `sign_out` ends all their sessions. Raises `WeakPassword`."""
    account = active_account(user_id)
    check_policy(password)
    password_hash = hash_password(password)
    with db.write():
        change_password(account.user_nid, password_hash, sign_out=sign_out)
        audit.record(actor, "user.set_password", user_id, sign_out=sign_out)


def set_admin(actor: Actor, user_id: str, is_admin: bool) -> None:
    """Make a user an administrator, or an ordinary user again; nobody does that to themselves."""
    account = active_account(user_id)
    if account.user_nid == actor.user_nid:
        raise Forbidden("You cannot do this to your own account")
    if account.is_guest or account.appservice_id is not None:
        raise InvalidParam("Guests and users of bridges cannot be administrators")
    with db.write():
        accounts.set_admin(account.user_nid, is_admin)
        if not is_admin:
            web_sessions.end_of_user(account.user_nid)
        audit.record(actor, "user.set_admin", user_id, is_admin=is_admin)


def sign_out_everywhere(actor: Actor, user_id: str) -> None:
    """End every session of a user, on devices and on pages."""
    account = account_of(user_id)
    with db.write():
        delete_all_devices(account.user_nid)
        sessions.end_tokens_of_user(account.user_nid)
        web_sessions.end_of_user(account.user_nid)
        audit.record(actor, "user.sign_out", user_id)


def remove_devices(actor: Actor, user_id: str, device_ids: list[str]) -> None:
    """Sign some devices of a user out."""
    account = account_of(user_id)
    with db.write():
        delete_devices(account.user_nid, device_ids)
        audit.record(actor, "user.remove_devices", user_id, devices=device_ids)


def add_device(actor: Actor, user_id: str, device_id: str, display_name: str | None) -> None:
    """Make a device that nobody is signed in on; raises `Conflict` where the user has one with this ID."""
    account = active_account(user_id)
    with db.write():
        if devices.find(account.user_nid, device_id) is not None:
            raise Conflict("The user has a device with this ID")
        update_device.make_device(account.user_nid, device_id, display_name)
        audit.record(actor, "user.add_device", user_id, device=device_id)


def rename_device(actor: Actor, user_id: str, device_id: str, display_name: str) -> None:
    """Give a device of a user another name; raises `NotFound` or `TooLarge`."""
    device = devices.find(account_of(user_id).user_nid, device_id)
    if device is None:
        raise NotFound("The user has no such device")
    with db.write():
        update_device.rename_device(device, display_name)
        audit.record(actor, "user.rename_device", user_id, device=device_id)


def remove_pusher(actor: Actor, user_id: str, nid: int) -> None:
    """Push a user's notifications to a place no longer; raises `NotFound`."""
    account = account_of(user_id)
    with db.write():
        found = pushers.get(nid)
        if found is None or found.user_nid != account.user_nid:
            raise NotFound("The user has no such pusher")
        pushers.delete_one(nid)
        audit.record(actor, "user.remove_pusher", user_id, app_id=found.app_id)


def reset_second_factor(actor: Actor, user_id: str) -> None:
    """Remove the authenticator app, the recovery codes and the passkeys of somebody who has lost them."""
    account = account_of(user_id)
    with db.write():
        second_factor.remove_all(account.user_nid)
        audit.record(actor, "user.reset_second_factor", user_id)


def deactivate(actor: Actor, user_id: str, *, erase: bool) -> None:
    """End an account for good; nobody does that to their own here."""
    account = account_of(user_id)
    if account.user_nid == actor.user_nid:
        raise Forbidden("You cannot do this to your own account")
    ending.deactivate(user_id, account.user_nid, erase=erase, actor=actor)


def redact_everything(actor: Actor, user_id: str, reason: str = "", room_nids: Sequence[int] = ()) -> int:
    """Have all messages of a local user redacted, maybe in some rooms only; the nid of the long task."""
    account = account_of(user_id)
    params: dict[str, Any] = {"user_nid": account.user_nid, "user_id": user_id, "reason": reason}
    if room_nids:
        params["room_nids"] = list(room_nids)
    return start("user.redact", said("Redact all messages of {user_id}", user_id=user_id), params, actor)
