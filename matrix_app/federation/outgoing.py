"""Requests to what is no homeserver: push gateways, which users name, and bridges, which the owner does."""

from __future__ import annotations

import re
import ssl
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import aiohttp
from yarl import URL

from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.bodies import read_limited
from matrix_app.federation.dns import SystemAddressLookup
from matrix_app.federation.loop import LoopThread, loop_thread
from matrix_app.federation.resolver import GuardedResolver
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import BadGateway, BadJson, NotJson, RemoteUnreachable
from matrix_app.protocol.said import said

LARGEST_ANSWER: Final = 1 << 20
# Other servers may say any number of digits, and Python refuses to read thousands of them.
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 30.0
CONNECTIONS: Final = 64
CONNECTIONS_PER_HOST: Final = 8


class Answer(NamedTuple):
    """What the other side said: JSON, or `content` is None. `wait_seconds` is how long to leave it alone."""

    status: int
    content: Any
    wait_seconds: int | None = None

    @property
    def is_ok(self) -> bool:
        """Whether the request was taken."""
        return 200 <= self.status < 300


class Outgoing:
    """Sends requests. `trusted` ones go anywhere, others to public addresses only, unless configured.

    Made and used on one event loop. Redirects are not followed.
    """

    def __init__(self, *, trusted: bool) -> None:
        config = get_config().outgoing
        self._rule = AddressRule(private=trusted or config.allow_private_addresses, allowed=(), denied=())
        self._lookup = SystemAddressLookup()
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._lookup, self._rule),
            use_dns_cache=False,
            ssl=_tls(config.verify_certificates),
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_PER_HOST,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"Hearth/{VERSION}"},
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float,
    ) -> Answer:
        """The answer, whatever its status; raises `BadGateway` where there is none."""
        whole = dict(headers or {})
        if body is not None:
            whole["Content-Type"] = "application/json"
        try:
            target = self._target(url)
            return await self._sent(method, target, body, whole, timeout)
        except TimeoutError:
            raise BadGateway(said("{host} took too long", host=_host(url))) from None
        except RemoteUnreachable as error:
            raise BadGateway(error.message) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BadGateway(said("{host} gave no answer: {error}", host=_host(url), error=error)) from error

    async def _sent(
        self, method: str, target: URL, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Answer:
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        async with self._session.request(
            method, target, data=body, headers=headers, allow_redirects=False, timeout=limits
        ) as response:
            data = await read_limited(response, LARGEST_ANSWER)
            return Answer(response.status, _parsed(data), _seconds(response.headers.get("Retry-After")))

    def _target(self, url: str) -> URL:
        target = URL(url, encoded=True)
        if target.scheme not in ("http", "https") or not target.host:
            raise BadGateway("The address cannot be used")
        # aiohttp asks the resolver for names only, not for what is an address already.
        if _is_ip(target.host) and not self._rule.permits(target.host):
            raise BadGateway(said("{host} is on an address that is not connected to", host=target.host))
        return target

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        self._lookup.close()


def outgoing(*, trusted: bool) -> Outgoing:
    """The one of this process; to be called on the loop."""
    return _outgoing_of(loop_thread(), trusted)


@lru_cache(maxsize=2)
def _outgoing_of(thread: LoopThread, trusted: bool) -> Outgoing:
    made = Outgoing(trusted=trusted)
    thread.closers.append(made.close)
    return made


def _parsed(data: bytes) -> Any:
    try:
        return decode_json(data) if data else None
    except (BadJson, NotJson):
        return None


def _seconds(text: str | None) -> int | None:
    return int(text) if text is not None and _SECONDS.fullmatch(text) else None


def _host(url: str) -> str:
    try:
        return URL(url).host or url
    except ValueError:
        return url


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _tls(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
