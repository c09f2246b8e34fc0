"""CAA records: whether they let the authority issue certificates for this server (RFC 8659)."""

from __future__ import annotations

from typing import Final, NamedTuple

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, outside
from appliance.diagnostics.public_names import above, public_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, warn
from matrix_app.protocol.said import said

# How authorities call themselves in CAA records, by words in the organisation of their certificates.
KNOWN: Final = {
    "let's encrypt": ("letsencrypt.org",),
    "zerossl": ("sectigo.com",),
    "sectigo": ("sectigo.com", "comodoca.com", "usertrust.com"),
    "google trust services": ("pki.goog",),
    "digicert": ("digicert.com",),
    "globalsign": ("globalsign.com",),
    "buypass": ("buypass.com", "buypass.no"),
    "amazon": ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"),
    "ssl corp": ("ssl.com",),
    "actalis": ("actalis.it",),
    "godaddy": ("godaddy.com", "starfieldtech.com"),
}


class Rules(NamedTuple):
    """The records that count for a name: where they are, and who may issue; None: everybody may."""

    at: str
    issuers: tuple[str, ...] | None


@check("names.caa", "Who may issue certificates (CAA)", timeout=30)
@on_no_answer
def caa() -> Result:
    """The authority of the present certificate must be let to renew it, or a wanted one to issue it."""
    found = public_names()
    if isinstance(found, Result):
        return found
    names, hosts = found
    rules = {host: _rules(host) for host in hosts}
    limited = {host: rule for host, rule in rules.items() if rule.issuers is not None}
    if not limited:
        return ok("No CAA record forbids anybody to issue certificates")
    issuer = _issuer(names.host, names.port)
    wanted = get_config().diagnostics.certificate_issuers or _known(issuer)
    if not wanted:
        return _unknown_issuer(limited, issuer)
    refused = {host: rule for host, rule in limited.items() if not set(wanted) & set(rule.issuers or ())}
    if not refused:
        return ok(said("{wanted} may issue certificates", wanted=wanted[0]))
    host, rule = next(iter(refused.items()))
    text = said(
        "CAA records at {at} let {issuers} issue certificates for {host}, and not {wanted}",
        at=rule.at,
        issuers=_list(rule),
        host=host,
        wanted=wanted[0],
    )
    tell = warn if issuer else error
    return tell(
        said("{text}: the next renewal will fail", text=text) if issuer else text,
        fix="Add this record, or have the proxy use an authority that is named.",
        snippet=f'{rule.at}.  IN  CAA  0 issue "{wanted[0]}"',
    )


def _rules(name: str) -> Rules:
    """The closest records at the name or above it are those that count (RFC 8659 section 3)."""
    for at in (*above(name), name.rpartition(".")[2]):
        records = outside().dns(at, "CAA").records
        if records:
            return Rules(at, _issuers(records))
    return Rules(name, None)


def _issuers(records: tuple[str, ...]) -> tuple[str, ...] | None:
    """The values of `issue`; None without one, which forbids nothing (section 4.2)."""
    found = [parts[2] for record in records if len(parts := record.split(None, 2)) == 3 and _is_issue(parts)]
    return tuple(value.strip('"').partition(";")[0].strip().lower() for value in found) if found else None


def _is_issue(parts: list[str]) -> bool:
    return parts[1].lower() == "issue"


def _list(rule: Rules) -> str:
    return ", ".join(filter(None, rule.issuers or ())) or said("nobody")


def _issuer(host: str, port: int) -> str:
    try:
        return outside().certificate(host, port, host).issuer
    except NoAnswer:
        return ""


def _known(issuer: str) -> tuple[str, ...]:
    if not issuer:
        return KNOWN["let's encrypt"]
    return next((names for words, names in KNOWN.items() if words in issuer.lower()), ())


def _unknown_issuer(limited: dict[str, Rules], issuer: str) -> Result:
    rule = next(iter(limited.values()))
    if not any(rule.issuers or ()):
        return warn(
            said("CAA records at {at} let nobody issue certificates", at=rule.at), fix="Name your authority."
        )
    text = said(
        "CAA records at {at} let {issuers} issue certificates; the present one is of {issuer}",
        at=rule.at,
        issuers=_list(rule),
        issuer=issuer,
    )
    return info(text, fix="Say in diagnostics.certificate_issuers how CAA records call that authority.")
