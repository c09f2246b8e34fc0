"""Federation: whether other servers find and believe this one, and whether it reaches them."""

from __future__ import annotations

import time

from appliance.config import get_config
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from matrix_app.protocol.said import said


def _needless() -> Result | None:
    if not get_config().federation.enabled:
        return skipped("Federation is switched off")
    return nameless() if own_names() is None else None


@check("federation.keys", "Keys as other servers see them", needs=["names.host"], timeout=45)
def keys() -> Result:
    """The way to the server's own name, as another server goes it: discovery, TLS, keys."""
    return _needless() or _hop("keys")


@check("federation.version", "Version as other servers see it", needs=["federation.keys"], timeout=45)
def version() -> Result:
    """The version is asked for without a signature, so this shows that requests come through."""
    return _needless() or _hop("version")


def _hop(kind: str) -> Result:
    from matrix_app.services.examine_server import examine

    found = examine(get_config().server.name)
    steps = [said("{subject}: {text}", subject=hop.subject, text=hop.text) for hop in found.hops]
    for hop in found.of_kind(kind):
        if hop.status == "ok":
            return ok(hop.text, route=found.route)
    faults = [hop for hop in found.hops if hop.status == "error"]
    return error(
        faults[0].text if faults else "The way to this server ends early",
        detail=said("{steps:lines}", steps=steps),
        fix="The page Other servers: Test a server shows every step; the first that fails is to be mended.",
    )


@check("federation.outbound", "Other servers answer", timeout=40)
def outbound() -> Result:
    """Ask the peer of `diagnostics.federation_peer` for its version."""
    from matrix_app.protocol.errors import MatrixError
    from matrix_app.services import remote_servers

    peer = get_config().diagnostics.federation_peer
    if (needless := _without_peer()) is not None:
        return needless
    began = time.monotonic()
    try:
        remote_servers.request(
            peer, "GET", "/_matrix/federation/v1/version", timeout=15.0, even_if_failing=True
        )
    except MatrixError as fault:
        return error(
            said("{peer} cannot be reached: {message}", peer=peer, message=fault.message),
            fix="May this machine open connections to port 443 and 8448 of others? Does DNS work?",
        )
    milliseconds = round((time.monotonic() - began) * 1000)
    return ok(
        said("{peer} answers within {milliseconds} ms", peer=peer, milliseconds=milliseconds),
        milliseconds=milliseconds,
    )


@check("federation.roundtrip", "Other servers reach this one", needs=["federation.outbound"], timeout=40)
def roundtrip() -> Result:
    """Ask the peer for the keys of this server, fresher than any that it can have: it must fetch them."""
    from matrix_app.protocol.errors import MatrixError
    from matrix_app.services import remote_servers

    peer, name = get_config().diagnostics.federation_peer, get_config().server.name
    if (needless := _without_peer()) is not None:
        return needless
    wanted = int(time.time() * 1000) + 23 * 3_600_000
    content = {"server_keys": {name: {_key_id(): {"minimum_valid_until_ts": wanted}}}}
    try:
        answer = remote_servers.request(
            peer, "POST", "/_matrix/key/v2/query", content=content, timeout=25.0, even_if_failing=True
        )
    except MatrixError as fault:
        return warn(
            said(
                "{peer} does not say whether it reaches this server: {message}",
                peer=peer,
                message=fault.message,
            )
        )
    found = answer.get("server_keys") if isinstance(answer, dict) else None
    fresh = [one for one in found or [] if isinstance(one, dict) and one.get("valid_until_ts", 0) >= wanted]
    if any(one.get("server_name") == name for one in fresh):
        return ok(said("{peer} has fetched the keys of this server", peer=peer))
    return error(
        said(
            "{peer} cannot fetch the keys of this server: nobody can invite its users or write to them",
            peer=peer,
        ),
        fix="Look at the checks of names, certificates and .well-known: mend the first that fails.",
    )


def _without_peer() -> Result | None:
    peer = get_config().diagnostics.federation_peer
    if not peer or peer == get_config().server.name:
        return skipped("No other server is set to ask (diagnostics.federation_peer)")
    return _needless()


def _key_id() -> str:
    from matrix_app.services.local_identity import local_identity

    return local_identity()[1].key_id
