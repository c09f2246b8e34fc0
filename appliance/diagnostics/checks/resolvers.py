"""DNS as others see it: whether name servers elsewhere say the same as those of this machine."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.own_names import is_public
from appliance.diagnostics.public_names import authoritative_servers, public_names, recursive_servers
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, Status, error, info, ok, skipped, unknown, warn
from matrix_app.protocol.said import said


@check("names.resolvers", "Name servers agree", timeout=45)
@on_no_answer
def resolvers() -> Result:
    """Ask name servers elsewhere, and those of the domain, for the addresses of the names."""
    found = public_names()
    if isinstance(found, Result):
        return found
    if not get_config().diagnostics.resolvers:
        return skipped("No name servers are set to ask (diagnostics.resolvers)")
    order = (Status.ERROR, Status.WARN, Status.UNKNOWN, Status.INFO, Status.OK)
    return min((_compared(host) for host in found[1]), key=lambda result: order.index(result.status))


def _compared(host: str) -> Result:
    here = _addresses(host, "") or set()
    elsewhere = {server: _addresses(host, server) for server in _servers(host)}
    answers = {server: found for server, found in elsewhere.items() if found is not None}
    if not answers:
        return unknown(
            said("No other name server answers for {host}", host=host),
            fix="May this machine ask port 53 of others?",
        )
    nothing = [server for server, found in answers.items() if not found]
    if nothing:
        return error(
            said("{servers} find no address of {host}", servers=nothing, host=host),
            fix="Is the record new? Then wait as long as its TTL. Are all its name servers current?",
        )
    seen = set.union(*answers.values())
    others = [server for server, found in answers.items() if found != here]
    if not others:
        return ok(said("{count} name servers say the same of {host}", count=len(answers) + 1, host=host))
    if here and not any(map(is_public, here)) and all(map(is_public, seen)):
        return info(
            said(
                "{host} is at {here} for this network, and at {seen} for others",
                host=host,
                here=_list(here),
                seen=_list(seen),
            )
        )
    return warn(
        said(
            "{host} is at {here} here, and at {seen} for {servers}",
            host=host,
            here=_list(here) or said("no address"),
            seen=_list(seen),
            servers=others,
        ),
        fix="After a change this passes with the TTL of the record. Else correct the zone where it is old.",
    )


def _servers(host: str) -> list[str]:
    try:
        # Those of the domain need not know where an alias leads.
        own = [] if outside().dns(host, "CNAME").records else authoritative_servers(host)
    except NoAnswer:
        own = []  # the comparison with the others tells what is wrong
    return [*own, *recursive_servers()]


def _addresses(host: str, server: str) -> set[str] | None:
    """The addresses that a name server knows; None when it gives no answer."""
    found: set[str] = set()
    for kind in ("A", "AAAA"):
        try:
            answer = outside().dns(host, kind, server=server)
        except NoAnswer:
            return None
        if not answer.is_there:
            return None
        found |= set(answer.records)
    return found


def _list(addresses: set[str]) -> str:
    return ", ".join(sorted(addresses))
