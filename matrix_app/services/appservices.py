"""Application services: programs such as bridges that act for the users of their namespaces."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import orjson
import structlog

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.appservice_registration import Appservice, parse_registration
from matrix_app.protocol.errors import BadRequest, Exclusive, Forbidden, InvalidParam, UserDeactivated
from matrix_app.storage import accounts, devices
from matrix_app.storage import appservices as storage
from matrix_app.storage.accounts import Account
from matrix_app.storage.local_server import local_server_name

_log = structlog.get_logger("matrix_app.appservices")


def appservices() -> tuple[Appservice, ...]:
    """Every application service: those of the configuration, then those that were added at run time.

    A file that cannot be used is logged and left out, and so is what has the ID or token of another.
    """
    found = list(configured_appservices())
    for stored in storage.registrations():
        added = _added(stored)
        if not any(added.id == other.id or added.as_token == other.as_token for other in found):
            found.append(added)
    return tuple(found)


def named_appservice(service_id: str | None) -> Appservice | None:
    """The application service with an ID, or None."""
    return next((service for service in appservices() if service.id == service_id), None)


def configured_appservices() -> tuple[Appservice, ...]:
    """The application services of the configuration."""
    return _load(get_config().app_services.registration_files)


@lru_cache(maxsize=256)
def _added(stored: bytes) -> Appservice:
    return parse_registration(orjson.loads(stored))


@lru_cache(maxsize=4)
def _load(files: tuple[Path, ...]) -> tuple[Appservice, ...]:
    found: list[Appservice] = []
    if not files:
        return ()
    import yaml

    for file in files:
        try:
            read = parse_registration(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, InvalidParam) as error:
            _log.error("registration_unusable", file=str(file), error=str(error))
            continue
        # as_token and id MUST be unique per application service.
        if any(read.id == other.id or read.as_token == other.as_token for other in found):
            _log.error("registration_not_unique", file=str(file), id=read.id)
            continue
        found.append(read)
    return tuple(found)


def find_by_token(token: str) -> Appservice | None:
    """The application service whose `as_token` this is, or None."""
    given = token.encode("utf-8", "surrogateescape")
    for service in appservices():
        if hmac.compare_digest(service.as_token.encode(), given):
            return service
    return None


def find_requester(token: str, user_id: str | None, device_id: str | None) -> Requester | None:
    """The user that the owner of an application service token acts as, or None for another token.

    Raises `Forbidden` for a user that the service may not act as, and `BadRequest` (M_UNKNOWN_DEVICE) for
    a device that the user does not have.
    """
    service = find_by_token(token)
    if service is None:
        return None
    account = _acting_account(service, user_id)
    own_rate = account.message_limit
    device = None if device_id is None else devices.find(account.user_nid, device_id)
    if device_id is not None and device is None:
        raise BadRequest("The user has no such device", errcode="M_UNKNOWN_DEVICE")
    return Requester(
        user_id=account.user_id,
        user_nid=account.user_nid,
        device_id=device_id,
        device_nid=None if device is None else device.nid,
        token_nid=None,
        is_admin=account.is_admin,
        is_locked=account.locked_ts is not None,
        is_suspended=account.suspended_ts is not None,
        appservice_id=service.id,
        # "Whether requests from masqueraded users are rate-limited. The sender is excluded."
        has_no_rate_limits=not service.rate_limited
        or account.user_id == sender_of(service)
        or (own_rate is not None and own_rate.is_unlimited),
        own_rate=own_rate,
    )


def _acting_account(service: Appservice, user_id: str | None) -> Account:
    if user_id is None:
        return sender_account(service)
    if not service.may_act_as(user_id, local_server_name()):
        raise Forbidden("The application service cannot act as this user")
    if user_id == sender_of(service):
        return sender_account(service)
    account = accounts.find(user_id)
    if account is None:
        raise Forbidden("The application service has not registered this user")
    if account.deactivated_ts is not None:
        raise UserDeactivated("This account has been deactivated")
    return account


def sender_of(service: Appservice) -> str:
    """The ID of the user that a service acts as by default."""
    return f"@{service.sender_localpart}:{local_server_name()}"


def sender_account(service: Appservice) -> Account:
    """The account that a service acts as by default, made when it is first needed."""
    account = accounts.find(sender_of(service))
    if account is not None:
        return account
    from matrix_app.services.create_account import create_account

    return create_account(service.sender_localpart, appservice_id=service.id, historical=True)


def check_user_namespace(user_id: str, service: Appservice | None) -> None:
    """Raise `Exclusive` when a user ID is another's to make.

    People may make those that no service claims; a service those of its own namespaces.
    """
    if service is not None and not service.may_act_as(user_id, local_server_name()):
        raise Exclusive("The user ID is outside of the application service's namespaces")
    refuse_reserved(user_id, [other for other in appservices() if other is not service])


def refuse_reserved(user_id: str, services: Iterable[Appservice]) -> None:
    """Raise `Exclusive` when one of the services has claimed a user ID for itself."""
    if any(service.claims_user(user_id) or user_id == sender_of(service) for service in services):
        raise Exclusive("The user ID is reserved by an application service")


def check_alias_namespace(alias: str, appservice_id: str | None) -> None:
    """Raise `Exclusive` when a room alias is another's to make or remove."""
    services = appservices()
    own = next((service for service in services if service.id == appservice_id), None)
    if own is not None and not any(space.matches(alias) for space in own.aliases):
        raise Exclusive("The alias is outside of the application service's namespaces")
    if any(other.claims_alias(alias) for other in services if other is not own):
        raise Exclusive("The alias is reserved by an application service")
