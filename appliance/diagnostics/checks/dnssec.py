"""DNSSEC: whether those who verify signatures find the names of this server (RFC 4035)."""

from __future__ import annotations

from typing import Final

from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.public_names import public_names, recursive_servers
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok

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
            f"The signatures of {', '.join(broken)} are broken: whoever verifies them finds nothing", fix=_FIX
        )
    failing = [host for host, state in states.items() if state == "failing"]
    if failing:
        return error(
            f"The name servers of {', '.join(failing)} fail (SERVFAIL)",
            fix="Ask the provider of the domain's DNS; the DS record at the registrar may be wrong too.",
        )
    unsigned = [host for host, state in states.items() if state == "unsigned"]
    if unsigned:
        return info(f"{', '.join(unsigned)} is not signed, or nobody who was asked verifies signatures")
    return ok(f"{', '.join(hosts)}: signed, and verified")


def _state(host: str) -> str:
    """The worst that the name servers of this machine and the public ones say: broken, failing, …"""
    said = [_said(host, server) for server in ("", *recursive_servers())]
    for state in ("broken", "signed", "failing", "unsigned"):
        if state in said:
            return state
    raise NoAnswer(f"no name server answers for {host}")


def _said(host: str, server: str) -> str:
    try:
        answer = outside().dns(host, "A", server=server)
        if answer.is_there:
            return "signed" if answer.is_validated else "unsigned"
        plain = outside().dns(host, "A", server=server, unchecked=True)
    except NoAnswer:
        return "silent"
    return "broken" if plain.is_there else "failing"
