"""DNS as single questions to chosen name servers, with and without validation (RFC 1035, RFC 4035)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from matrix_app.protocol.said import said

SECONDS: Final = 3.0
PORT: Final = 53


class NoNameServer(Exception):
    """None of the name servers answers; the text says why."""


class DnsAnswer(NamedTuple):
    """What a name server says: NOERROR, NXDOMAIN, SERVFAIL, ..., and the records as a zone file has them."""

    code: str
    records: tuple[str, ...] = ()
    # Whether the name server says that it has verified the signatures (AD).
    is_validated: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it knows, also that there is nothing."""
        return self.code in ("NOERROR", "NXDOMAIN")


def system_servers() -> list[str]:
    """The addresses of the name servers of this machine."""
    import dns.exception
    import dns.resolver

    try:
        return [str(server) for server in dns.resolver.get_default_resolver().nameservers]
    except dns.exception.DNSException as fault:
        raise NoNameServer(said("this machine names no name servers: {fault}", fault=fault)) from fault


def ask(
    name: str, kind: str, servers: Sequence[str], *, unchecked: bool = False, port: int = PORT
) -> DnsAnswer:
    """The answer of the first of some name servers that gives one.

    `unchecked` asks for what is there even when its signatures are wrong (CD, RFC 4035 section 3.2.2).
    """
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query

    try:
        question = dns.message.make_query(name, kind, want_dnssec=True)
    except dns.exception.DNSException as fault:
        raise NoNameServer(said("{name} is no name for DNS: {fault}", name=name, fault=fault)) from fault
    question.flags |= dns.flags.AD | (dns.flags.CD if unchecked else 0)
    faults = []
    for server in servers:
        try:
            answer, _ = dns.query.udp_with_fallback(question, server, timeout=SECONDS, port=port)
        except (dns.exception.DNSException, OSError, ValueError) as fault:
            faults.append(f"{server}: {fault}")
            continue
        return _read(answer, kind)
    raise NoNameServer(
        said(
            "no name server answers for {name}: {faults}",
            name=name,
            faults="; ".join(faults) or said("there is none"),
        )
    )


def _read(answer: object, kind: str) -> DnsAnswer:
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdatatype

    assert isinstance(answer, dns.message.Message)
    wanted = dns.rdatatype.from_text(kind)
    records = [item.to_text() for found in answer.answer if found.rdtype == wanted for item in found]
    validated = bool(answer.flags & dns.flags.AD)
    return DnsAnswer(dns.rcode.to_text(answer.rcode()), tuple(sorted(records)), validated)
