"""Signing in with what proves who somebody is ("Login" of the client-server API)."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import Exclusive, Forbidden, UserDeactivated, UserLocked
from matrix_app.services.appservices import sender_account, sender_of
from matrix_app.services.check_password import check_password
from matrix_app.services.find_account import find_account, named_user_id
from matrix_app.storage.accounts import Account
from matrix_app.storage.local_server import local_server_name


def by_password(identifier: dict[str, Any], password: str, ip: str) -> Account:
    """The account whose password this is; raises `Forbidden`, `UserDeactivated`, `UserLocked` or
    `LimitExceeded`.
    """
    account = find_account(identifier)
    if not check_password(account, password, ip) or account is None:
        raise Forbidden("Invalid user name or password")
    check_active(account)
    return account


def by_appservice(identifier: dict[str, Any], service: Appservice) -> Account:
    """The account as which an application service signs in.

    Raises `Exclusive` for one outside of its namespaces, `Forbidden` for one that does not exist.
    """
    user_id = named_user_id(identifier)
    if not service.may_act_as(user_id, local_server_name()):
        raise Exclusive("The user is outside of the application service's namespaces")
    # The account that a service acts as by default is there as soon as somebody asks for it.
    account = sender_account(service) if user_id == sender_of(service) else find_account(identifier)
    if account is None:
        raise Forbidden("There is no such user")
    check_active(account)
    return account


def check_active(account: Account) -> None:
    """Raise `UserDeactivated` for an account that has ended, `UserLocked` for one that is locked."""
    if account.deactivated_ts is not None:
        raise UserDeactivated("This account has been deactivated")
    if account.locked_ts is not None:
        raise UserLocked("This account has been locked")
