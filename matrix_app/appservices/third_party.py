"""Third-party networks of bridges ("Third-party networks"): their protocols, places and people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

import structlog

from matrix_app.federation.ttl_cache import TtlCache
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import BadGateway, NotFound
from matrix_app.services.appservice_queries import ask
from matrix_app.services.appservices import appservices

AT_ONCE: Final = 8
MOST_RESULTS: Final = 500
# What a bridge says of its protocol, which clients ask for whenever they show the room directory.
KEPT_SECONDS: Final = 300.0
_LEGACY: Final = "/_matrix/app/unstable"

_log = structlog.get_logger("matrix_app.appservices")
_lock = threading.Lock()
_kept: TtlCache[tuple[str, str], Any] = TtlCache(1_000, time.monotonic)


def protocols() -> dict[str, Any]:
    """Every protocol of a service that answers, with what its services say of it."""
    names = sorted({name for service in _reachable() for name in service.protocols})
    found = {name: _protocol(name) for name in names}
    return {name: metadata for name, metadata in found.items() if metadata is not None}


def protocol(name: str) -> dict[str, Any]:
    """What its services say of a protocol; raises `NotFound`."""
    found = _protocol(name)
    if found is None:
        raise NotFound("No application service knows this protocol")
    return found


def find_in(kind: str, name: str, query: Mapping[str, str]) -> list[Any]:
    """The locations or users ("location", "user") of a protocol for these fields; raises `NotFound`.

    "At least one portal room was found": that there is none is told as an error, too.
    """
    services = _speaking(name)
    if not services:
        raise NotFound("No application service knows this protocol")
    return _found(services, f"/thirdparty/{kind}/{quote(name, safe='')}", query)


def find_of(kind: str, key: str, value: str) -> list[Any]:
    """The locations of a room alias, or the users of other networks that a user ID stands for.

    Raises `NotFound` where no service knows of any.
    """
    return _found(_reachable(), f"/thirdparty/{kind}", {key: value})


def _reachable() -> list[Appservice]:
    return [service for service in appservices() if service.url and service.protocols]


def _speaking(name: str) -> list[Appservice]:
    return [service for service in _reachable() if name in service.protocols]


def _protocol(name: str) -> dict[str, Any] | None:
    answers = _all(_speaking(name), lambda service: _metadata(service, name))
    merged: dict[str, Any] | None = None
    instances: list[Any] = []
    for metadata in answers:
        if isinstance(metadata, dict):
            merged = merged or metadata
            instances += metadata["instances"]
    return None if merged is None else {**merged, "instances": instances}


def _metadata(service: Appservice, name: str) -> dict[str, Any] | None:
    with _lock:
        kept: dict[str, Any] | None = _kept.get((service.id, name))
    if kept is not None:
        return kept
    answer = _answer(service, f"/thirdparty/protocol/{quote(name, safe='')}", {})
    if not isinstance(answer, dict):
        return None
    instances = answer.get("instances")
    shown = [_instance(service, item) for item in instances] if isinstance(instances, list) else []
    found = {**answer, "instances": shown}
    with _lock:
        _kept.put((service.id, name), found, KEPT_SECONDS)
    return found


def _instance(service: Appservice, instance: Any) -> Any:
    """The ID by which clients ask for the rooms of the network is given by this server."""
    if isinstance(instance, dict) and isinstance(instance.get("network_id"), str):
        return {**instance, "instance_id": f"{service.id}|{instance['network_id']}"}
    return instance


def _found(services: Iterable[Appservice], path: str, query: Mapping[str, str]) -> list[Any]:
    answers = _all(services, lambda service: _answer(service, path, query))
    found = [item for answer in answers if isinstance(answer, list) for item in answer if _is_result(item)]
    if not found:
        raise NotFound("No application service knows anything like that")
    return found[:MOST_RESULTS]


def _is_result(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("protocol"), str)
        and isinstance(item.get("fields"), dict)
        and (isinstance(item.get("userid"), str) or isinstance(item.get("alias"), str))
    )


def _answer(service: Appservice, path: str, query: Mapping[str, str]) -> Any:
    try:
        answer = ask(service, path, f"{_LEGACY}{path}", query)
    except BadGateway as error:
        _log.warning("a service does not answer", service=service.id, fault=error.message)
        return None
    return answer.anything() if answer.status == 200 else None


def _all(services: Iterable[Appservice], question: Callable[[Appservice], Any]) -> list[Any]:
    """Ask several at once: nobody waits longer than for the slowest."""
    asked = list(services)
    if len(asked) < 2:
        return [question(service) for service in asked]
    with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="third-party") as pool:
        return list(pool.map(question, asked))
