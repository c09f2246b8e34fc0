"""Accounts as administrators list and change them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.client_api.admin import whois
from matrix_app.client_api.admin_query import (
    V1,
    V2,
    V3,
    account_in_path,
    actor_of,
    flag,
    next_token,
    part_of,
)
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.http.response import Json
from matrix_app.protocol.errors import NotFound
from matrix_app.services import administer_account, edit_account, moderate_account
from matrix_app.services.edit_account import AccountChanges
from matrix_app.services.register import check_username
from matrix_app.storage import accounts, numbered_lists, profiles, threepids
from matrix_app.storage.accounts import Account
from matrix_app.storage.numbered_lists import ACCOUNT_ORDERS, AccountQuery, NumberedAccount


@endpoint("GET", f"{V2}/users", f"{V3}/users", auth=Auth.ADMIN)
def list_users(request: Request) -> dict[str, Any]:
    """The accounts; the second version leaves ended ones out unless asked for them, the third does not."""
    second = request.http.path.startswith(V2)
    deactivated = flag(request, "deactivated")
    if second:
        deactivated = None if deactivated else False
    query = AccountQuery(
        user_id=request.query("user_id") or "",
        name=request.query("name") or "",
        guests=None if request.query_bool("guests", default=True) else False,
        deactivated=deactivated,
        admins=flag(request, "admins"),
        locked=None if request.query_bool("locked") else False,
    )
    part = part_of(request, ACCOUNT_ORDERS, "name")
    found, total = numbered_lists.accounts(query, part), numbered_lists.count_accounts(query)
    return {"users": [_listed(row) for row in found], "total": total, **next_token(part, len(found), total)}


def _listed(row: NumberedAccount) -> dict[str, Any]:
    return {
        "name": row.user_id,
        "displayname": row.display_name,
        "avatar_url": row.avatar_url,
        "user_type": None,
        "is_guest": row.is_guest,
        "admin": row.is_admin,
        "deactivated": row.deactivated_ts is not None,
        "erased": row.erased,
        "shadow_banned": False,
        "locked": row.locked_ts is not None,
        "suspended": row.suspended_ts is not None,
        "creation_ts": row.created_ts,
        "last_seen_ts": row.last_active_ts,
    }


@endpoint("GET", f"{V2}/users/{{user_id}}", auth=Auth.ADMIN)
def get_user(request: Request) -> dict[str, Any]:
    """All of an account."""
    return _described(account_in_path(request))


def _described(account: Account) -> dict[str, Any]:
    shown = profiles.get_fields(account.user_nid)
    addresses = [
        {
            "medium": row.medium,
            "address": row.address,
            "added_at": row.added_ts,
            "validated_at": row.validated_ts,
        }
        for row in threepids.of_user(account.user_nid)
    ]
    return {
        "name": account.user_id,
        "displayname": shown.get("displayname"),
        "avatar_url": shown.get("avatar_url"),
        "threepids": addresses,
        "external_ids": [],
        "user_type": None,
        "is_guest": account.is_guest,
        "admin": account.is_admin,
        "deactivated": account.deactivated_ts is not None,
        "erased": account.erased,
        "shadow_banned": False,
        "locked": account.locked_ts is not None,
        "suspended": account.suspended_ts is not None,
        # Seconds here, milliseconds in lists: that is what the tools expect.
        "creation_ts": account.created_ts // 1000,
        "last_seen_ts": account.last_active_ts,
        "appservice_id": account.appservice_id,
    }


@endpoint("PUT", f"{V2}/users/{{user_id}}", auth=Auth.ADMIN, body=AccountChanges, rate="write", slow=True)
def put_user(request: Request) -> Json:
    """Make an account, or change one."""
    user_id, wanted = request.path["user_id"], request.decode(AccountChanges, empty_allowed=True)
    made = edit_account.put_account(actor_of(request), request.requester, user_id, wanted)
    return Json(_described(administer_account.account_of(user_id)), status=201 if made else 200)


class DeactivateBody(msgspec.Struct):
    """Whether what the user has sent is hidden from those who join later."""

    erase: bool = False


@endpoint(
    "POST", f"{V1}/deactivate/{{user_id}}", auth=Auth.ADMIN, body=DeactivateBody, rate="write", slow=True
)
def deactivate(request: Request) -> dict[str, str]:
    """End an account for good."""
    erase = request.decode(DeactivateBody, empty_allowed=True).erase
    administer_account.deactivate(actor_of(request), request.path["user_id"], erase=erase)
    return {"id_server_unbind_result": "success"}


class PasswordBody(msgspec.Struct):
    """A new password, and whether the user is signed out everywhere."""

    new_password: str
    logout_devices: bool = True


@endpoint(
    "POST", f"{V1}/reset_password/{{user_id}}", auth=Auth.ADMIN, body=PasswordBody, rate="write", slow=True
)
def reset_password(request: Request) -> dict[str, Any]:
    """Give a user another password."""
    body = request.decode(PasswordBody)
    administer_account.set_password(
        actor_of(request), request.path["user_id"], body.new_password, sign_out=body.logout_devices
    )
    return {}


class AdminBody(msgspec.Struct):
    """Whether a user is to be an administrator."""

    admin: bool


@endpoint("GET", f"{V1}/users/{{user_id}}/admin", auth=Auth.ADMIN)
def is_admin(request: Request) -> dict[str, bool]:
    """Whether a user is an administrator."""
    return {"admin": account_in_path(request).is_admin}


@endpoint("PUT", f"{V1}/users/{{user_id}}/admin", auth=Auth.ADMIN, body=AdminBody, rate="write")
def set_admin(request: Request) -> dict[str, Any]:
    """Make a user an administrator, or an ordinary user again."""
    wanted = request.decode(AdminBody).admin
    if account_in_path(request).is_admin != wanted:
        administer_account.set_admin(actor_of(request), request.path["user_id"], wanted)
    return {}


class SuspendBody(msgspec.Struct):
    """Whether a user is to be suspended."""

    suspend: bool


@endpoint("PUT", f"{V1}/suspend/{{user_id}}", auth=Auth.ADMIN, body=SuspendBody, rate="write")
def suspend(request: Request) -> dict[str, bool]:
    """Suspend a user, or lift that."""
    user_id, wanted = request.path["user_id"], request.decode(SuspendBody).suspend
    moderate_account.set_suspended(request.requester, user_id, wanted, actor_of(request))
    return {f"user_{user_id}_suspended": wanted}


@endpoint("GET", f"{V1}/whois/{{user_id}}", auth=Auth.ADMIN)
def whois_user(request: Request) -> dict[str, Any]:
    """From where a user is connected."""
    return whois(request)  # type: ignore[no-any-return]


@endpoint("GET", f"{V1}/username_available", auth=Auth.ADMIN)
def username_available(request: Request) -> dict[str, bool]:
    """Whether somebody may have a name; raises as registration does where not."""
    check_username(request.required_query("username"))
    return {"available": True}


@endpoint("GET", f"{V1}/threepid/{{medium}}/users/{{address}}", auth=Auth.ADMIN)
def find_by_address(request: Request) -> dict[str, str]:
    """Whose an address is."""
    nid = threepids.owner_of(request.path["medium"], request.path["address"])
    account = None if nid is None else accounts.get(nid)
    if account is None:
        raise NotFound("No user has this address")
    return {"user_id": account.user_id}


@endpoint("GET", f"{V1}/auth_providers/{{provider}}/users/{{external_id}}", auth=Auth.ADMIN)
def find_by_identity(request: Request) -> dict[str, str]:
    """Whose an identity of another sign-on service is: nobody's, as accounts keep none."""
    raise NotFound("No user has this identity")
