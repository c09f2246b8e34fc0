"""Application services as the server's owner sees them: adding and removing, pausing, and how they are."""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple

import orjson

from matrix_app.protocol.appservice_registration import Appservice, parse_registration
from matrix_app.protocol.errors import Conflict, InvalidParam, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.appservice_queries import ping_service
from matrix_app.services.appservices import appservices, configured_appservices, named_appservice
from matrix_app.services.audit import CLI, Actor
from matrix_app.storage import appservice_queue, db, stream
from matrix_app.storage import appservices as storage

MOST_BYTES: Final = 100_000


class ServiceState(NamedTuple):
    """How a service is. Times are in milliseconds since 1970.

    `behind` is how many changes it has not been told of, which may not all be for it; None where it wants
    to be told nothing.
    """

    id: str
    url: str | None
    sender_localpart: str
    is_configured: bool
    is_paused: bool
    behind: int | None
    transactions: int
    told_ts: int | None
    failing_since_ts: int | None
    retry_ts: int | None
    fault: str | None


def states() -> list[ServiceState]:
    """Every service: those of the configuration first."""
    configured = {service.id for service in configured_appservices()}
    progress = {row.id: row for row in appservice_queue.all_of_them()}
    position = stream.current_position()
    return [
        _state(service, progress.get(service.id), service.id in configured, position)
        for service in appservices()
    ]


def _state(
    service: Appservice, row: appservice_queue.Progress | None, is_configured: bool, position: int
) -> ServiceState:
    known = (service.id, service.url, service.sender_localpart, is_configured)
    if row is None or not service.url:
        return ServiceState(*known, False, 0 if service.url else None, 0, None, None, None, None)
    return ServiceState(
        *known,
        is_paused=row.is_paused,
        behind=max(0, position - row.position),
        transactions=row.transactions,
        told_ts=row.told_ts,
        failing_since_ts=row.failing_since_ts,
        retry_ts=row.retry_ts,
        fault=row.fault,
    )


def add(registration: str, actor: Actor = CLI) -> Appservice:
    """Add a service by the text of its registration file (YAML or JSON), or change one that was added.

    It is sent what happens from now on. Raises `InvalidParam` for what is no registration, and `Conflict`
    when its ID is that of a configured service, or its token another's.
    """
    source = _parsed(registration)
    service = parse_registration(source)
    others = [other for other in appservices() if other.id != service.id]
    if any(other.id == service.id for other in configured_appservices()):
        raise Conflict("A service of the configuration has this ID", errcode="M_UNKNOWN")
    if any(other.as_token == service.as_token for other in others):
        raise Conflict("Another service has this as_token", errcode="M_UNKNOWN")
    with db.write():
        storage.put(service.id, orjson.dumps(source))
        appservice_queue.begin(service.id, stream.current_position())
        audit.record(actor, "bridge.add", service.id, url=service.url)
    return service


def _parsed(registration: str) -> Any:
    import yaml

    if len(registration) > MOST_BYTES:
        raise InvalidParam("The registration is too long")
    try:
        return yaml.safe_load(registration)
    except yaml.YAMLError as error:
        raise InvalidParam(said("The registration is no YAML: {error}", error=error)) from None


def remove(service_id: str, actor: Actor = CLI) -> None:
    """Remove a service that was added at run time; its users and rooms stay.

    Raises `NotFound` for one that was not added so.
    """
    with db.write():
        if not storage.remove(service_id):
            raise NotFound("No service with this ID was added at run time")
        appservice_queue.remove(service_id)
        audit.record(actor, "bridge.remove", service_id)


def set_paused(service_id: str, is_paused: bool, actor: Actor = CLI) -> None:
    """Send a service nothing for a while, or go on where it was; raises `NotFound`.

    What happens meanwhile waits for it, as for one that is down.
    """
    if not any(service.id == service_id and service.url for service in appservices()):
        raise NotFound("There is no such service, or it wants to be told nothing")
    with db.write():
        appservice_queue.begin(service_id, stream.current_position())
        appservice_queue.set_paused(service_id, is_paused)
        audit.record(actor, "bridge.pause" if is_paused else "bridge.resume", service_id)


def retry_now(service_id: str) -> None:
    """Try a service that fails at once, instead of when its time has come."""
    with db.write():
        appservice_queue.retry_now(service_id)


def ping_now(service_id: str, actor: Actor) -> int:
    """Ask a service whether it can be reached; how many milliseconds it took. What waits is sent then.

    Raises `NotFound`, `BadRequest` for one that wants to be told nothing, `BadGateway` with what went wrong.
    """
    service = named_appservice(service_id)
    if service is None:
        raise NotFound("There is no such service")
    audit.record(actor, "bridge.ping", service_id)
    return ping_service(service)


def registration_text(service_id: str, actor: Actor) -> str:
    """The registration (YAML, with its tokens) of a service that was added at run time; raises `NotFound`."""
    audit.record(actor, "bridge.show", service_id)
    return _text_of(_added_source(service_id))


def rotate_tokens(service_id: str, actor: Actor) -> str:
    """Give a service that was added at run time new tokens; its new registration (YAML).

    The old ones end at once, so the service must be given the new ones. Raises `NotFound`.
    """
    with db.write():
        source = _added_source(service_id)
        source |= {name: secrets.token_urlsafe(48) for name in ("as_token", "hs_token")}
        storage.put(service_id, orjson.dumps(source))
        audit.record(actor, "bridge.rotate_tokens", service_id)
    return _text_of(source)


def _added_source(service_id: str) -> dict[str, Any]:
    for stored in storage.registrations():
        source: dict[str, Any] = orjson.loads(stored)
        if source["id"] == service_id:
            return source
    raise NotFound("No service with this ID was added at run time")


def _text_of(source: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(source, sort_keys=False, allow_unicode=True)
    return text


def oldest_position() -> int | None:
    """Up to where the service that is furthest behind has been told everything; None without services."""
    present = {service.id for service in appservices() if service.url}
    return min((row.position for row in appservice_queue.all_of_them() if row.id in present), default=None)
