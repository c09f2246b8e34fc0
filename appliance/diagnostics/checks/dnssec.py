"""DNSSEC: whether those who verify signatures find the names of this server (RFC 4035)."""

from __future__ import annotations

from typing import Final

from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.public_names import public_names, recursive_servers
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok
from matrix_app.protocol.said import said

_FIX: Final = (
    "Compare the DS record at the registrar with the keys of the zone: after a change of the provider the "
    "old one often stays. Remove it, or replace it by that of the provider."
)


@check("names.dnssec", "Signatures of DNS (DNSSEC)", timeout=30)
@on_no_answer
def dnssec() -> Result:
    """A broken chain of signatures is SERVFAIL to whoever verifies, and an answer to whoever does not."""
    found = public_names()
    if isinstance(found, Result):
        return found
    _, hosts = found
    states = {host: _state(host) for host in hosts}
    broken = [host for host, state in states.items() if state == "broken"]
    if broken:
        return error(
            said("The signatures of {hosts} are broken: whoever verifies them finds nothing", hosts=broken),
            fix=_FIX,
        )
    failing = [host for host, state in states.items() if state == "failing"]
    if failing:
        return error(
            said("The name servers of {hosts} fail (SERVFAIL)", hosts=failing),
            fix="Ask the provider of the domain's DNS; the DS record at the registrar may be wrong too.",
        )
    unsigned = [host for host, state in states.items() if state == "unsigned"]
    if unsigned:
        return info(
            said("{hosts} is not signed, or nobody who was asked verifies signatures", hosts=unsigned)
        )
    return ok(said("{hosts}: signed, and verified", hosts=hosts))


def _state(host: str) -> str:
    """The worst that the name servers of this machine and the public ones say: broken, failing, …"""
    states = [_asked(host, server) for server in ("", *recursive_servers())]
    for state in ("broken", "signed", "failing", "unsigned"):
        if state in states:
            return state
    raise NoAnswer(said("no name server answers for {host}", host=host))


def _asked(host: str, server: str) -> str:
    try:
        answer = outside().dns(host, "A", server=server)
        if answer.is_there:
            return "signed" if answer.is_validated else "unsigned"
        plain = outside().dns(host, "A", server=server, unchecked=True)
    except NoAnswer:
        return "silent"
    return "broken" if plain.is_there else "failing"
