"""`/.well-known/matrix/server` of other hosts, remembered as long as the specification says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

import msgspec
import structlog

from matrix_app.federation.discovery import WellKnownLookup
from matrix_app.federation.public_https import HttpAnswer
from matrix_app.federation.ttl_cache import Clock, SingleFlight, TtlCache
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.ids import is_server_name

MOST_KEPT: Final = 10_000
MAX_BYTES: Final = 51_200
TIMEOUT: Final = 10.0
# "The recommended sensible default is 24 hours. Servers should additionally impose a maximum cache time for
# responses: 48 hours is recommended."
DEFAULT_SECONDS: Final = 24 * 3600.0
LONGEST: Final = 48 * 3600.0
# Nobody is asked more often than this, whatever they say.
SHORTEST: Final = 300.0
# "Errors are recommended to be cached for up to an hour, and servers are encouraged to exponentially back off
# for repeated failures."
LONGEST_ERROR: Final = 3600.0
FIRST_ERROR: Final = 60.0

_log = structlog.get_logger(__name__)


class HttpsGet(Protocol):
    """Makes HTTPS requests."""

    async def get(self, url: str, *, max_bytes: int, timeout: float) -> HttpAnswer:
        """The answer after redirects; raises `RemoteUnreachable`."""
        ...


class _Answer(msgspec.Struct):
    server: str = msgspec.field(name="m.server")


class WellKnownCache(WellKnownLookup):
    """Asks each host once, and again when its answer is too old."""

    def __init__(self, https: HttpsGet, clock: Clock = time.monotonic) -> None:
        self._https = https
        # A tuple, because that there is none is an answer, too.
        self._fresh: TtlCache[str, tuple[str | None]] = TtlCache(MOST_KEPT, clock)
        self._good: TtlCache[str, str] = TtlCache(MOST_KEPT, clock)
        self._failures: TtlCache[str, int] = TtlCache(MOST_KEPT, clock)
        self._flights: SingleFlight[str, str | None] = SingleFlight()

    async def delegated_name(self, host: str) -> str | None:
        """The valid server name in `m.server`, or None after any error."""
        folded = host.lower()
        fresh = self._fresh.get(folded)
        return fresh[0] if fresh else await self._flights.run(folded, lambda: self._ask(folded))

    async def _ask(self, host: str) -> str | None:
        url = f"https://{host}/.well-known/matrix/server"
        try:
            answer = await self._https.get(url, max_bytes=MAX_BYTES, timeout=TIMEOUT)
        except RemoteUnreachable as error:
            return self._failed(host, str(error))
        if answer.status >= 500 or answer.status == 429:
            return self._failed(host, f"status {answer.status}")
        return self._answered(host, answer)

    def _answered(self, host: str, answer: HttpAnswer) -> str | None:
        delegated = delegated_name_in(answer.body) if answer.status == 200 else None
        if delegated is None:
            # The host works, and says that it delegates nothing: an error to be remembered, not repeated.
            self._fresh.put(host, (None,), LONGEST_ERROR)
            return None
        self._fresh.put(host, (delegated,), cache_seconds(answer.headers))
        self._good.put(host, delegated, LONGEST)
        self._failures.put(host, 0, LONGEST)
        return delegated

    def _failed(self, host: str, reason: str) -> str | None:
        failures = self._failures.get(host) or 0
        self._failures.put(host, failures + 1, LONGEST)
        seconds = min(FIRST_ERROR * 2 ** min(failures, 10), LONGEST_ERROR)
        # An answer that was good stays so, within the longest time, while its host has trouble.
        delegated = self._good.get(host)
        self._fresh.put(host, (delegated,), seconds)
        _log.info("no .well-known of a server", host=host, reason=reason, kept=delegated, again=seconds)
        return delegated


def delegated_name_in(body: bytes) -> str | None:
    """The valid server name in `m.server`; None for whatever else the body is."""
    # "servers parsing the response should assume that the body is JSON regardless of type"
    try:
        name = msgspec.json.decode(body, type=_Answer).server
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return name if is_server_name(name) else None


def cache_seconds(headers: Mapping[str, str]) -> float:
    """How long a valid answer may be remembered: what its headers say, within bounds."""
    directives = _directives(headers.get("Cache-Control", ""))
    if directives.keys() & {"no-store", "no-cache"}:
        return SHORTEST
    age = directives.get("max-age", "")
    if age.isdecimal() and age.isascii():
        return _bounded(float(age[:12]))
    if "Expires" in headers:
        return _bounded(_seconds_until(headers["Expires"], headers.get("Date")))
    return DEFAULT_SECONDS


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST), LONGEST)


def _directives(header: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for part in header.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


def _seconds_until(expires: str, date: str | None) -> float:
    # A date that cannot be read, such as 0, means "expired already" (RFC 9111, section 5.3).
    try:
        end = parsedate_to_datetime(expires).timestamp()
        start = parsedate_to_datetime(date).timestamp() if date else time.time()
    except (ValueError, OverflowError):
        return 0.0
    return end - start
