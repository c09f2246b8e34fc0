"""Registration: who may make an account, under which name, and what comes with it."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance.config import get_config
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import Forbidden, MissingParam, ThreepidInUse, UserInUse
from matrix_app.services import uia, user_directory
from matrix_app.services.appservices import check_user_namespace
from matrix_app.services.create_account import create_account, free_localpart, local_user_id
from matrix_app.services.create_session import create_session
from matrix_app.services.uia.stages import REGISTRATION_TOKEN, TERMS
from matrix_app.storage import accounts, db, registration_tokens, threepid_sessions, threepids
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.threepids import ThreePidRow


class Registration(msgspec.Struct, omit_defaults=True):
    """What somebody who registers asks for; of the password only the hash."""

    username: str | None = None
    password_hash: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    inhibit_login: bool = False
    refresh_token: bool = False
    # The guest who becomes an ordinary user by this.
    guest_nid: int | None = None


def check_open() -> None:
    """Raise `Forbidden` when nobody may register."""
    if get_config().registration.mode == "closed":
        raise Forbidden("Registration is closed on this server")


def check_username(username: str, service: Appservice | None = None, guest_nid: int | None = None) -> str:
    """The user ID that a name would get; raises `InvalidUsername`, `UserInUse` or `Exclusive`.

    A guest may take the name that it has.
    """
    user_id = local_user_id(username)
    check_user_namespace(user_id, service)
    account = accounts.find(user_id)
    if account is not None and account.user_nid != guest_nid:
        raise UserInUse("The user name is taken")
    return user_id


def register(wanted: Registration, done: uia.Completed) -> dict[str, Any]:
    """Make the account that a completed session asked for, once; sign in unless that is not wanted."""
    with db.write():
        account = None if done.outcome is None else accounts.find(done.outcome)
        if account is None:
            account = make_registered(wanted, done.results)
            uia.finish(done.session_id, account.user_id)
        return signed_in(account, wanted)


def make_registered(wanted: Registration, results: dict[str, Any]) -> Account:
    """Make the account, with what the stages have found; called in the transaction that ends the session."""
    if wanted.password_hash is None:
        raise MissingParam("Missing password: nobody could sign in again")
    if wanted.guest_nid is not None:
        account = _upgraded(wanted.guest_nid, wanted)
    else:
        localpart = wanted.username or free_localpart()
        check_username(localpart)
        account = create_account(
            localpart, password_hash=wanted.password_hash, terms_version=results.get(TERMS, "")
        )
    if uia.EMAIL in results:
        _add_address(account, results[uia.EMAIL])
    if REGISTRATION_TOKEN in results:
        registration_tokens.complete_use(results[REGISTRATION_TOKEN])
    return account


def _upgraded(guest_nid: int, wanted: Registration) -> Account:
    accounts.end_guest(guest_nid, wanted.password_hash)
    account = accounts.get(guest_nid)
    if account is None:
        raise Forbidden("The guest is gone")
    user_directory.refresh(guest_nid)
    return account


def _add_address(account: Account, found: dict[str, Any]) -> None:
    row = ThreePidRow(found["medium"], found["address"], found["validated_ts"], now_ms())
    if not threepids.insert(account.user_nid, row):
        raise ThreepidInUse("The mail address belongs to an account already")
    threepid_sessions.delete(found["sid"])


def register_for_appservice(wanted: Registration, service: Appservice) -> dict[str, Any]:
    """Make an account of an application service: without a password, in its own namespaces."""
    localpart = free_localpart() if wanted.username is None else wanted.username
    check_username(localpart, service)
    with db.write():
        account = create_account(localpart, appservice_id=service.id)
        return signed_in(account, wanted)


def signed_in(account: Account, wanted: Registration) -> dict[str, Any]:
    """The answer to a registration."""
    if wanted.inhibit_login:
        return {"user_id": account.user_id, "home_server": account.user_id.partition(":")[2]}
    session = create_session(
        account.user_id,
        account.user_nid,
        device_id=wanted.device_id,
        display_name=wanted.initial_device_display_name,
        refreshable=wanted.refresh_token,
    )
    return session.body()
