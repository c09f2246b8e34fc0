"""Whom an identifier means ("Identifier types" of the client-server API)."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import BadJson, BadRequest, MissingParam
from matrix_app.protocol.ids import parse_text
from matrix_app.storage import accounts, threepids
from matrix_app.storage.accounts import Account
from matrix_app.storage.local_server import local_server_name


def find_account(identifier: dict[str, Any]) -> Account | None:
    """The account that an identifier object means, or None; raises `BadJson` for a malformed one."""
    kind = identifier.get("type")
    # The specification's own example of a login by address leaves the type out.
    if kind == "m.id.thirdparty" or (kind is None and "medium" in identifier):
        return _by_threepid(_text(identifier, "medium"), _text(identifier, "address"))
    if kind == "m.id.phone":
        number = identifier.get("phone") or identifier.get("number")
        return _by_threepid("msisdn", parse_text(number)) if isinstance(number, str) else None
    if kind == "m.id.user":
        return account_of_name(_text(identifier, "user"))
    raise BadRequest("Unknown identifier type")


def identifier_of(body: dict[str, Any]) -> dict[str, Any]:
    """The identifier object of a body, made of the deprecated fields where there is none."""
    identifier = body.get("identifier")
    if isinstance(identifier, dict):
        return identifier
    if identifier is not None:
        raise BadJson("identifier must be an object")
    if body.get("address") is not None:
        return {"type": "m.id.thirdparty", "medium": body.get("medium"), "address": body["address"]}
    return {"type": "m.id.user", "user": body.get("user")}


def named_user_id(identifier: dict[str, Any]) -> str:
    """The user ID that an identifier names; raises `BadRequest` where it is another kind of identifier."""
    if identifier.get("type") != "m.id.user":
        raise BadRequest("Only user IDs identify users here")
    return _full(_text(identifier, "user"))


def _full(name: str) -> str:
    return name if name.startswith("@") else f"@{name}:{local_server_name()}"


def account_of_name(name: str) -> Account | None:
    """The account with a user ID or a localpart; in small letters where there is none otherwise."""
    user_id = _full(name)
    return accounts.find(user_id) or accounts.find(user_id.lower())


def _by_threepid(medium: str, address: str) -> Account | None:
    user_nid = threepids.owner_of(medium, address)
    return None if user_nid is None else accounts.get(user_nid)


def _text(identifier: dict[str, Any], field: str) -> str:
    value = identifier.get(field)
    if value is None:
        raise MissingParam(f"Missing {field}")
    if not isinstance(value, str):
        raise BadJson(f"{field} must be a string")
    return parse_text(value)
