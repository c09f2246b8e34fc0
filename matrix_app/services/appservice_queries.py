"""Asking application services for users, rooms and more, while somebody waits ("Querying", "Pinging")."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
import structlog

from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import BadGateway, BadRequest, Forbidden
from matrix_app.services import outgoing_http
from matrix_app.services.appservices import appservices, named_appservice
from matrix_app.services.outgoing_http import Answer
from matrix_app.storage import accounts, appservice_queue, db
from matrix_app.storage.local_server import local_server_name

_BASE: Final = "/_matrix/app/v1"
# What services answer that know only the paths from before the specification had versions.
_UNKNOWN_PATH: Final = (404, 405, 501)

_log = structlog.get_logger("matrix_app.appservices")


def make_user(user_id: str) -> bool:
    """Let the services whose user it would be make a local user who does not exist; whether one did."""
    if accounts.find(user_id) is not None:
        return False
    return any(
        _makes(service, f"/users/{quote(user_id, safe='')}")
        for service in appservices()
        if service.url and service.may_act_as(user_id, local_server_name())
    )


def make_alias(alias: str) -> bool:
    """Let the services whose alias it would be make a room for it; whether one did."""
    return any(
        _makes(service, f"/rooms/{quote(alias, safe='')}")
        for service in appservices()
        if service.url and any(space.matches(alias) for space in service.aliases)
    )


def _makes(service: Appservice, path: str) -> bool:
    try:
        answer = ask(service, path, f"{path}")
    except BadGateway as error:
        _log.warning(
            "a service does not say whether it has something", service=service.id, fault=error.message
        )
        return False
    return answer.status == 200


def ask(service: Appservice, path: str, legacy_path: str, query: Mapping[str, str] | None = None) -> Answer:
    """GET something of a service, by its older path where it knows no other; raises `BadGateway`."""
    found = f"?{urlencode(query)}" if query else ""
    headers = {"Authorization": f"Bearer {service.hs_token}"}
    answer = outgoing_http.ask("GET", f"{service.url}{_BASE}{path}{found}", headers=headers)
    if answer.status in _UNKNOWN_PATH and answer.json().get("errcode") in (None, "M_UNRECOGNIZED"):
        return outgoing_http.ask("GET", f"{service.url}{legacy_path}{found}", headers=headers)
    return answer


def ping(appservice_id: str, asking_id: str | None, transaction_id: str | None) -> int:
    """Ask a service, for itself, whether it can be reached; how many milliseconds it took.

    A service that can be reached is not left alone any longer. Raises `Forbidden` when another asks,
    `BadRequest` (M_URL_NOT_SET), and `BadGateway` with what went wrong.
    """
    service = named_appservice(asking_id)
    if service is None or asking_id != appservice_id:
        raise Forbidden("Only the application service itself may ask for this")
    return ping_service(service, transaction_id)


def ping_service(service: Appservice, transaction_id: str | None = None) -> int:
    """Ask a service whether it can be reached; see `ping`."""
    if not service.url:
        raise BadRequest("The application service has no url", errcode="M_URL_NOT_SET")
    body: dict[str, Any] = {} if transaction_id is None else {"transaction_id": transaction_id}
    started = time.monotonic()
    answer = _pinged(service, orjson.dumps(body))
    took = int((time.monotonic() - started) * 1000)
    if answer.status != 200:
        text = answer.content[:2000].decode(errors="replace")
        error = BadGateway(f"The application service answered {answer.status}", errcode="M_BAD_STATUS")
        error.extra = {"status": answer.status, "body": text}
        raise error
    with db.write():
        appservice_queue.retry_now(service.id)
    return took


def _pinged(service: Appservice, body: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {service.hs_token}"}
    try:
        return outgoing_http.ask("POST", f"{service.url}{_BASE}/ping", headers=headers, content=body)
    except BadGateway as error:
        if error.status == 504:
            raise
        raise BadGateway(error.message, errcode="M_CONNECTION_FAILED") from error
