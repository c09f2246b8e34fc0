"""Takes every step of the way to a server and tells what came of it, for people who look for a fault."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import aiohttp

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.bodies import read_limited
from matrix_app.federation.discovery import Discovery, Route, SrvLookup, SrvRecord, Target
from matrix_app.federation.dns import DnsSrvLookup, SystemAddressLookup
from matrix_app.federation.policy import is_allowed
from matrix_app.federation.resolver import AddressLookup
from matrix_app.federation.tls import tls_context
from matrix_app.federation.transport import Transport
from matrix_app.federation.well_known import MAX_BYTES, HttpsGet, delegated_name_in
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import MatrixError, RemoteUnreachable
from matrix_app.protocol.said import said
from matrix_app.protocol.server_keys import read_server_keys
from matrix_app.services.examine_server import Examination, Hop, Status
from matrix_app.storage.clock import now_ms

STEP_SECONDS: Final = 8.0
SECONDS: Final = 40.0
MOST_ADDRESSES: Final = 8
MOST_TARGETS: Final = 4
LARGEST_ANSWER: Final = 1 << 18
WARN_DAYS: Final = 21
LONGEST_TEXT: Final = 500
# What reading a body may raise beside errors of the tree.
BROKEN: Final = (aiohttp.ClientError, OSError, TimeoutError)


def examine(server_name: str) -> Examination:
    """Every step to a server, nothing remembered of those before."""
    return loop.run(_examined(server_name), timeout=SECONDS)


class Ports(NamedTuple):
    """What the steps ask: web pages, DNS."""

    https: HttpsGet
    srv: SrvLookup
    addresses: AddressLookup


async def _examined(server_name: str) -> Examination:
    lookup = SystemAddressLookup()
    transport = Transport(get_config().federation, addresses=lookup)
    try:
        return await walk(server_name, transport, Ports(transport.https, DnsSrvLookup(), lookup))
    finally:
        await transport.close()
        lookup.close()


async def walk(server_name: str, transport: Transport, ports: Ports) -> Examination:
    """Take the steps; the transport's own discovery is replaced by one that tells."""
    steps = _Walk(server_name, transport, ports)
    transport.discovery = Discovery(steps, _TellingSrv(ports.srv, steps))
    return await steps.go()


class _Walk:
    """The steps so far. It is the lookup of `.well-known` itself, which asks once."""

    def __init__(self, server_name: str, transport: Transport, ports: Ports) -> None:
        self._name = server_name
        self._transport = transport
        self._ports = ports
        self._rule = AddressRule.of(transport.federation)
        self._hops: list[Hop] = []
        self._delegated: dict[str, str | None] = {}
        self._software = ""

    def tell(self, kind: str, subject: str, status: Status, text: str) -> None:
        """Add a step, unless it has been told."""
        hop = Hop(kind, subject, status, text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT])
        if hop not in self._hops:
            self._hops.append(hop)

    async def go(self) -> Examination:
        """All steps, as far as they lead."""
        if self._name != get_config().server.name and not is_allowed(self._name):
            self.tell("policy", self._name, "warn", said("The settings do not let this server speak with it"))
        try:
            async with asyncio.timeout(2 * STEP_SECONDS):
                route = await self._transport.discovery.route(self._name)
        except (RemoteUnreachable, TimeoutError) as fault:
            self.tell("route", self._name, "error", _words(fault))
            return Examination(self._name, tuple(self._hops))
        targets = ", ".join(f"{target.host}:{target.port}" for target in route.targets)
        await self._connect(route)
        await self._keys()
        await self._version()
        return Examination(self._name, tuple(self._hops), self._software, targets)

    async def delegated_name(self, host: str) -> str | None:
        """The name in `m.server`."""
        if host not in self._delegated:
            self._delegated[host] = await self._well_known(host)
        return self._delegated[host]

    async def _well_known(self, host: str) -> str | None:
        url = f"https://{host}/.well-known/matrix/server"
        try:
            answer = await self._ports.https.get(url, max_bytes=MAX_BYTES, timeout=STEP_SECONDS)
        except RemoteUnreachable as fault:
            self.tell("well_known", url, "info", said("None: {fault}", fault=fault.message))
            return None
        found = delegated_name_in(answer.body) if answer.status == 200 else None
        if found is not None:
            self.tell("well_known", url, "ok", said("m.server is {found}", found=found))
        elif answer.status == 404:
            self.tell("well_known", url, "info", said("None (status 404)"))
        else:
            self.tell(
                "well_known",
                url,
                "warn",
                said("Status {status}, without a proper m.server", status=answer.status),
            )
        return found

    async def _connect(self, route: Route) -> None:
        left = MOST_ADDRESSES
        for target in route.targets[:MOST_TARGETS]:
            try:
                found = list(await self._ports.addresses.addresses(target.host))
            except RemoteUnreachable as fault:
                self.tell("address", target.host, "error", fault.message)
                continue
            self.tell("address", target.host, "ok", ", ".join(found[:MOST_ADDRESSES]))
            tried, left = found[:left], max(0, left - len(found))
            await asyncio.gather(*(self._try(address, target, route) for address in tried))

    async def _try(self, address: str, target: Target, route: Route) -> None:
        where = f"{address} port {target.port}"
        if not self._rule.permits(address):
            self.tell(
                "tls", where, "error", said("An address that the settings do not let this server connect to")
            )
            return
        try:
            async with asyncio.timeout(STEP_SECONDS):
                text, days = await self._handshake(address, target.port, route.certificate_name)
        except ssl.SSLCertVerificationError as fault:
            self.tell(
                "tls", where, "error", said("The certificate is refused: {fault}", fault=fault.verify_message)
            )
        except (OSError, TimeoutError) as fault:
            self.tell("tls", where, "error", said("No connection: {fault}", fault=_words(fault)))
        else:
            self.tell("tls", where, "warn" if days < WARN_DAYS else "ok", text)

    async def _handshake(self, address: str, port: int, name: str) -> tuple[str, int]:
        """What the certificate says, and for how many days it is good."""
        context = tls_context(self._transport.federation)
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
        try:
            secure: ssl.SSLObject = writer.get_extra_info("ssl_object")
            certificate = secure.getpeercert() or {}
            version = secure.version()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        if not certificate:
            return said("{version}; certificates are not verified here", version=version), WARN_DAYS
        days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400)
        return said(
            "{version}, a certificate for {name} that is good for {days} days",
            version=version,
            name=name,
            days=days,
        ), days

    async def _json(self, path: str) -> dict[str, Any]:
        async with self._transport.open(
            self._name, "GET", path, headers={}, body=None, timeout=STEP_SECONDS
        ) as response:
            if response.status != 200:
                raise RemoteUnreachable(
                    said("It answers {path} with status {status}", path=path, status=response.status)
                )
            found = decode_json(await read_limited(response, LARGEST_ANSWER))
        if not isinstance(found, dict):
            raise RemoteUnreachable(said("It answers {path} with JSON that is no object", path=path))
        return found

    async def _keys(self) -> None:
        path = "/_matrix/key/v2/server"
        try:
            found = read_server_keys(await self._json(path))
        except (MatrixError, *BROKEN) as fault:
            self.tell("keys", path, "error", _words(fault))
            return
        if found.server_name != self._name:
            self.tell("keys", path, "error", said("They are those of {name}", name=found.server_name))
        elif found.valid_until_ts < now_ms():
            self.tell("keys", path, "error", said("They are no longer valid (valid_until_ts is over)"))
        else:
            present = [key.key_id for key in found.keys if key.expired_ts is None]
            self.tell("keys", path, "ok", said("{keys}, signed by themselves", keys=present))

    async def _version(self) -> None:
        path = "/_matrix/federation/v1/version"
        try:
            server = (await self._json(path)).get("server")
        except (MatrixError, *BROKEN) as fault:
            self.tell("version", path, "error", _words(fault))
            return
        found = server if isinstance(server, dict) else {}
        self._software = " ".join(str(found.get(key, ""))[:100] for key in ("name", "version")).strip()
        self.tell("version", path, "ok", self._software or said("It does not name its software"))


class _TellingSrv:
    """SRV records, told of."""

    def __init__(self, srv: SrvLookup, steps: _Walk) -> None:
        self._srv = srv
        self._steps = steps

    async def records(self, name: str) -> Sequence[SrvRecord]:
        """The records of a name."""
        found = await self._srv.records(name)
        text = ", ".join(f"{record.target}:{record.port}" for record in found) or said("None")
        self._steps.tell("srv", name, "ok" if found else "info", text)
        return found


def _words(fault: BaseException) -> str:
    if isinstance(fault, TimeoutError):
        return said("It took too long")
    return fault.message if isinstance(fault, MatrixError) else f"{fault}" or type(fault).__name__
