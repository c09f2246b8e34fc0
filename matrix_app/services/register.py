"""Registration: who may make an account, under which name, and what comes with it."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, UserInUse
from matrix_app.services import uia
from matrix_app.services.create_account import create_account, free_localpart, local_user_id
from matrix_app.services.create_session import Session, create_session
from matrix_app.services.uia.stages import REGISTRATION_TOKEN, TERMS
from matrix_app.storage import accounts, db, registration_tokens, threepids
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


def check_open() -> None:
    """Raise `Forbidden` when nobody may register."""
    if get_config().registration.mode == "closed":
        raise Forbidden("Registration is closed on this server")


def check_username(username: str, *, appservice_id: str | None = None) -> str:
    """The user ID that a name would get; raises `InvalidUsername`, `UserInUse` or `Exclusive`."""
    user_id = local_user_id(username)
    if accounts.find(user_id) is not None:
        raise UserInUse("The user name is taken")
    return user_id


def register(wanted: Registration, done: uia.Completed) -> dict[str, Any]:
    """Make the account that a completed session asked for, once; sign in unless that is not wanted."""
    with db.write():
        account = None if done.outcome is None else accounts.find(done.outcome)
        if account is None:
            account = _make(wanted, done.results)
            uia.finish(done.session_id, account.user_id)
        return signed_in(account, wanted)


def _make(wanted: Registration, results: dict[str, Any]) -> Account:
    localpart = wanted.username or free_localpart()
    check_username(localpart)
    account = create_account(
        localpart, password_hash=wanted.password_hash, terms_version=results.get(TERMS, "")
    )
    if uia.EMAIL in results:
        found = results[uia.EMAIL]
        row = ThreePidRow(found["medium"], found["address"], found["validated_ts"], now_ms())
        threepids.insert(account.user_nid, row)
    if REGISTRATION_TOKEN in results:
        registration_tokens.complete_use(results[REGISTRATION_TOKEN])
    return account


def signed_in(account: Account, wanted: Registration) -> dict[str, Any]:
    """The answer to a registration."""
    if wanted.inhibit_login:
        return {"user_id": account.user_id, "home_server": account.user_id.partition(":")[2]}
    return session_for(account, wanted).body()


def session_for(account: Account, wanted: Registration) -> Session:
    """Sign a new user in, as the registration asked."""
    return create_session(
        account.user_id,
        account.user_nid,
        device_id=wanted.device_id,
        display_name=wanted.initial_device_display_name,
        refreshable=wanted.refresh_token,
    )
