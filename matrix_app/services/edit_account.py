"""Making an account, or changing several things of one at once, as administrators' tools ask for it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Conflict, InvalidParam, ThreepidInUse
from matrix_app.protocol.ids import localpart_of, parse_text, parse_user_id
from matrix_app.protocol.said import said
from matrix_app.services import administer_account, audit, moderate_account, profiles
from matrix_app.services.audit import Actor
from matrix_app.services.passwords import check_policy
from matrix_app.services.profile_fields import checked_field
from matrix_app.services.threepids.changes import remove_threepid
from matrix_app.storage import accounts, db, threepids
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.threepids import ThreePidRow

_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
MOST_ADDRESSES: Final = 50


class Address(msgspec.Struct):
    """An address of a user."""

    medium: str
    address: str


class AccountChanges(msgspec.Struct, kw_only=True):
    """What an account is to be; what is not given stays as it is."""

    password: str | None = None
    logout_devices: bool = True
    displayname: str | UnsetType | None = UNSET
    avatar_url: str | UnsetType | None = UNSET
    threepids: list[Address] | None = None
    external_ids: list[dict[str, Any]] = []
    admin: bool | None = None
    deactivated: bool | None = None
    erase: bool = False
    locked: bool | None = None
    suspended: bool | None = None
    user_type: str | None = None


def put_account(actor: Actor, requester: Requester, user_id: str, wanted: AccountChanges) -> bool:
    """Make an account or change one; whether it was made. What is wrong is found before anything is done.

    Raises `InvalidParam`, `WeakPassword`, `ThreepidInUse`, `Conflict` for an account that has ended, and what
    the single changes raise.
    """
    parse_user_id(user_id)
    account = accounts.find(user_id)
    _check(account, wanted)
    if account is None:
        name = wanted.displayname if isinstance(wanted.displayname, str) else ""
        made = administer_account.add_account(
            actor, localpart_of(user_id), wanted.password, is_admin=bool(wanted.admin), display_name=name
        )
        _change(actor, requester, made, msgspec.structs.replace(wanted, password=None, displayname=UNSET))
        return True
    _change(actor, requester, account, wanted)
    return False


def _check(account: Account | None, wanted: AccountChanges) -> None:
    if wanted.user_type:
        raise InvalidParam("Accounts of this server have no types")
    if wanted.external_ids:
        raise InvalidParam("Accounts of this server have no identities of other sign-on services")
    if account is not None and account.deactivated_ts is not None and wanted.deactivated is not True:
        raise Conflict("The account has been deactivated, which cannot be undone")
    if wanted.password is not None:
        check_policy(wanted.password)
    for field, value in (("displayname", wanted.displayname), ("avatar_url", wanted.avatar_url)):
        if isinstance(value, str):
            checked_field(field, value)
    _check_addresses(account, wanted.threepids or [])


def _check_addresses(account: Account | None, wanted: list[Address]) -> None:
    if len(wanted) > MOST_ADDRESSES:
        raise InvalidParam(said("An account has {count} addresses at most", count=MOST_ADDRESSES))
    for given in wanted:
        if given.medium != "email" or not _MAIL.fullmatch(parse_text(given.address)):
            raise InvalidParam(said("{address} is no mail address", address=given.address))
        owner = threepids.owner_of(given.medium, given.address)
        if owner is not None and (account is None or owner != account.user_nid):
            raise ThreepidInUse(said("{address} belongs to another account", address=given.address))


def _change(actor: Actor, requester: Requester, account: Account, wanted: AccountChanges) -> None:
    user_id = account.user_id
    if wanted.deactivated:
        if account.deactivated_ts is None or (wanted.erase and not account.erased):
            administer_account.deactivate(actor, user_id, erase=wanted.erase)
        return
    if wanted.password is not None:
        administer_account.set_password(actor, user_id, wanted.password, sign_out=wanted.logout_devices)
    if wanted.threepids is not None:
        set_addresses(actor, account, wanted.threepids)
    if wanted.admin is not None and wanted.admin != account.is_admin:
        administer_account.set_admin(actor, user_id, wanted.admin)
    if wanted.locked is not None and wanted.locked != (account.locked_ts is not None):
        moderate_account.set_locked(requester, user_id, wanted.locked, actor)
    if wanted.suspended is not None and wanted.suspended != (account.suspended_ts is not None):
        moderate_account.set_suspended(requester, user_id, wanted.suspended, actor)
    for field, value in (("displayname", wanted.displayname), ("avatar_url", wanted.avatar_url)):
        if not isinstance(value, UnsetType):
            set_profile(actor, account, field, value or "")


def set_addresses(actor: Actor, account: Account, wanted: list[Address]) -> None:
    """Let an account have these mail addresses and no others; raises `InvalidParam` or `ThreepidInUse`."""
    _check_addresses(account, wanted)
    named = {threepids.canonical(given.medium, given.address): given for given in wanted}
    now = now_ms()
    with db.write():
        present = {row.address: row for row in threepids.of_user(account.user_nid)}
        if named.keys() == present.keys():
            return
        for address in present.keys() - named.keys():
            remove_threepid(account.user_nid, present[address].medium, address)
        for address in named.keys() - present.keys():
            threepids.insert(account.user_nid, ThreePidRow("email", address, now, now))
        audit.record(actor, "user.set_addresses", account.user_id, addresses=sorted(named))


def set_profile(actor: Actor, account: Account, field: str, value: str) -> None:
    """Give a user another display name or picture, or none where `value` is empty."""
    who = Requester(account.user_id, account.user_nid, None, None, None, is_admin=True)
    if profiles.profile_of(account.user_id).get(field, "") == value:
        return
    profiles.set_field(who, account.user_id, field, value)
    audit.record(actor, "user.set_profile", account.user_id, field=field)
