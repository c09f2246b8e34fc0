"""DNS: SRV records of services, and the addresses of hosts, each remembered for a while."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog

from matrix_app.federation.discovery import SrvRecord
from matrix_app.federation.ttl_cache import Clock, SingleFlight, TtlCache
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    import dns.asyncresolver

MOST_KEPT: Final = 10_000
# DNS's own times are kept to within these.
SHORTEST: Final = 60.0
LONGEST: Final = 24 * 3600.0
# For "there is none", and for no answer at all.
NONE_SECONDS: Final = 300.0
FAILED_SECONDS: Final = 30.0
# The system does not tell how long an address is good.
ADDRESS_SECONDS: Final = 60.0
LOOKUP_SECONDS: Final = 5.0
LOOKUP_THREADS: Final = 4

_log = structlog.get_logger(__name__)


def _of_the_system() -> dns.asyncresolver.Resolver:
    import dns.asyncresolver  # 4 MiB, which a server that looks up no names does without

    return dns.asyncresolver.Resolver()


class DnsSrvLookup:
    """SRV records by dnspython, with the name servers of the system."""

    def __init__(
        self,
        make_resolver: Callable[[], dns.asyncresolver.Resolver] = _of_the_system,
        clock: Clock = time.monotonic,
    ) -> None:
        self._make_resolver = make_resolver
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._kept: TtlCache[str, tuple[SrvRecord, ...]] = TtlCache(MOST_KEPT, clock)
        self._flights: SingleFlight[str, tuple[SrvRecord, ...]] = SingleFlight()

    async def records(self, name: str) -> Sequence[SrvRecord]:
        """The records of a name; empty when there are none, or none can be found out."""
        folded = name.lower()
        kept = self._kept.get(folded)
        return kept if kept is not None else await self._flights.run(folded, lambda: self._look_up(folded))

    async def _look_up(self, name: str) -> tuple[SrvRecord, ...]:
        import dns.exception
        import dns.resolver

        try:
            if self._resolver is None:
                self._resolver = self._make_resolver()
            answer = await self._resolver.resolve(name, "SRV", lifetime=LOOKUP_SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            found: tuple[SrvRecord, ...] = ()
            seconds = NONE_SECONDS
        except (dns.exception.DNSException, OSError) as error:
            # Some name servers fail when asked for a type that they do not know; the next step may do.
            _log.info("no answer for SRV records", name=name, error=str(error))
            found, seconds = (), FAILED_SECONDS
            self._resolver = None  # this machine may have moved to other name servers
        else:
            found = tuple(_record(item) for item in answer)
            seconds = min(max(answer.expiration - time.time(), SHORTEST), LONGEST)
        self._kept.put(name, found, seconds)
        return found


def _record(item: object) -> SrvRecord:
    priority, weight, port, target = (
        getattr(item, name) for name in ("priority", "weight", "port", "target")
    )
    return SrvRecord(priority, weight, port, target.to_text(omit_final_dot=True))


class SystemAddressLookup:
    """IPv4 and IPv6 addresses as the system finds them, /etc/hosts included."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        # Threads of its own: a name server that does not answer holds up nothing but other lookups.
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="federation-dns")
        self._kept: TtlCache[str, tuple[str, ...]] = TtlCache(MOST_KEPT, clock)
        self._flights: SingleFlight[str, tuple[str, ...]] = SingleFlight()

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host name or literal; raises `RemoteUnreachable` when it has none."""
        folded = host.lower()
        kept = self._kept.get(folded)
        if kept is None:
            kept = await self._flights.run(folded, lambda: self._look_up(folded))
        if not kept:
            raise RemoteUnreachable(said("{host} has no address", host=host))
        return kept

    async def _look_up(self, host: str) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host)
        except OSError as error:
            _log.info("no address found", host=host, error=str(error))
            found = ()
        self._kept.put(host, found, ADDRESS_SECONDS if found else FAILED_SECONDS)
        return found

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)


def _getaddrinfo(host: str) -> tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # labels that are empty or too long
        raise OSError(str(error)) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
