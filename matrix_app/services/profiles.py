"""Profiles: what users show of themselves, and its way into rooms ("Profiles")."""

from __future__ import annotations

from typing import Any

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, GuestForbidden, NotFound
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services import (
    appservice_queries,
    audit,
    presence,
    profile_propagation,
    remote_profiles,
    user_directory,
)
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.audit import Actor
from matrix_app.services.own_user import require_self
from matrix_app.services.profile_fields import SHOWN, checked_field, checked_name, refuse_too_large
from matrix_app.storage import accounts, db, profiles
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.user_lock import lock_user


def profile_of(user_id: str) -> dict[str, Any]:
    """Every field of a user's profile; raises `NotFound` for a user who does not exist."""
    if domain_of(parse_user_id(user_id)) != local_server_name():
        return remote_profiles.profile_of(user_id)
    account = accounts.find(user_id)
    if account is None and appservice_queries.make_user(user_id):
        account = accounts.find(user_id)
    if account is None or account.deactivated_ts is not None:
        raise NotFound("There is no such user")
    return profiles.get_fields(account.user_nid)


def field_of(user_id: str, field: str) -> dict[str, Any]:
    """An object with one field; raises `NotFound` for what is not set, and for an unknown user."""
    found = field_for_server(user_id, field)
    if not found:
        raise NotFound("The profile has no such field")
    return found


def field_for_server(user_id: str, field: str) -> dict[str, Any]:
    """The same for another server, which is given an empty object where name or avatar is not set."""
    checked_name(field)
    fields = profile_of(user_id)
    if field not in fields and field not in SHOWN:
        raise NotFound("The profile has no such field")
    return {name: value for name, value in fields.items() if name == field}


def set_field(requester: Requester, user_id: str, field: str, value: Any) -> None:
    """Set a field of one's own profile; an empty name or avatar is removed.

    Raises `ProfileTooLarge`, `KeyTooLarge`, `BadJson` or `InvalidParam` for what cannot be stored, and
    `Forbidden` for who may not change it.
    """
    _check_allowed(requester, user_id, field)
    value = checked_field(field, value)
    if field in SHOWN and value == "":
        _store(requester, field, None)
    else:
        _store(requester, field, value, present=True)


def set_own(actor: Actor, requester: Requester, field: str, value: Any) -> None:
    """As `set_field`, and noted in the audit log: for the page of one's own account."""
    set_field(requester, requester.user_id, field, value)
    audit.record(actor, "account.change_profile", requester.user_id, field=field)


def delete_field(requester: Requester, user_id: str, field: str) -> None:
    """Remove a field of one's own profile; nothing happens when it is not set."""
    checked_name(field)
    _check_allowed(requester, user_id, field)
    _store(requester, field, None)


def _check_allowed(requester: Requester, user_id: str, field: str) -> None:
    require_self(requester, user_id)
    refuse_suspended(requester)
    # "Guest users may only modify their display name."
    if requester.is_guest and field != "displayname":
        raise GuestForbidden("Guests may only change their display name")
    if not get_config().registration.allow_profile_change and not requester.is_admin:
        raise Forbidden("Profiles cannot be changed on this server")


def _store(requester: Requester, field: str, value: Any, *, present: bool = False) -> None:
    nid = requester.user_nid
    with db.write():
        lock_user(nid)
        fields = profiles.get_fields(nid)
        if present == (field in fields) and fields.get(field) == value:
            return
        if present:
            refuse_too_large(fields | {field: value})
            profiles.put_field(nid, field, value)
        else:
            profiles.delete_field(nid, field)
        if field in SHOWN:
            presence.profile_changed(nid)
            user_directory.refresh(nid)
            profile_propagation.start(nid)
    if field in SHOWN:
        profile_propagation.propagate_some(requester.user_id)
