"""Conferences: whether clients learn where they meet (MSC4143), and are let into LiveKit there (MSC4195)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from appliance.config import get_config
from appliance.diagnostics.checks.asking import not_set_up, on_no_answer
from appliance.diagnostics.outside import NoAnswer, Page, outside
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, warn
from matrix_app.protocol.said import said

FOCI: Final = "org.matrix.msc4143.rtc_foci"
_NONE: Final = "No LiveKit server is set (rtc.livekit_service_urls)"
_DEVICE: Final = "HEARTHCHECK"
_ROOM: Final = "!hearth-check"


@check("rtc.wellknown", "Clients learn where conferences meet", timeout=20)
@on_no_answer
def wellknown() -> Result:
    """The file that clients read names the services of the settings, also where another program serves it."""
    wanted = get_config().rtc.livekit_service_urls
    names = own_names()
    if names is None:
        return nameless()
    page = outside().page(f"https://{names.domain}/.well-known/matrix/client")
    found = _addresses(page)
    if found == list(wanted):
        return ok(said("It names {found}", found=found)) if found else skipped(_NONE)
    if not wanted:
        return warn(
            said(
                "The file names {found}, and the settings name none: not all clients read the file",
                found=found,
            ),
            fix="Put the addresses into rtc.livekit_service_urls.",
        )
    foci = [{"type": "livekit", "livekit_service_url": url} for url in wanted]
    return error(
        said(
            "https://{domain}/.well-known/matrix/client names {found}",
            domain=names.domain,
            found=", ".join(found) or said("no LiveKit service"),
        ),
        fix="Lead /.well-known/matrix/ of the domain to Hearth, or add this to the file.",
        snippet=f'"{FOCI}": {orjson.dumps(foci).decode()}',
    )


def _addresses(page: Page) -> list[str]:
    foci = page.json().get(FOCI)
    if not isinstance(foci, list):
        return []
    found = [one.get("livekit_service_url") for one in foci if isinstance(one, dict)]
    return [url for url in found if isinstance(url, str)]


@check("rtc.service", "LiveKit lets users in", needs=["database.connect"], timeout=40)
@on_no_answer
def service() -> Result:
    """Ask each service for a token for the server's own user, who shows who they are as a client does."""
    urls = get_config().rtc.livekit_service_urls
    if not urls:
        return skipped(_NONE)
    if (missing := not_set_up()) is not None:
        return missing
    for url in urls:
        result = _asked(url.rstrip("/"))
        if result.status != "ok":
            return result
    return ok(said("A token was given by {urls}", urls=urls))


def _asked(url: str) -> Result:
    body = orjson.dumps({"room": _ROOM, "openid_token": _openid_token(), "device_id": _DEVICE})
    kind = {"Content-Type": "application/json"}
    page = outside().page(f"{url}/sfu/get", method="POST", headers=kind, body=body, seconds=15.0)
    answer = page.json()
    sfu = answer.get("url")
    if page.status == 200 and isinstance(sfu, str) and answer.get("jwt"):
        return _reached(sfu)
    if page.status == 401:
        return error(
            said(
                "{url} does not believe who this server's users are: {fault}",
                url=url,
                fault=answer.get("error", ""),
            ),
            fix="It asks this server by federation: can it reach it by its name, at "
            "/_matrix/federation/v1/openid/userinfo?",
        )
    if page.status == 403 and "errcode" in answer:
        return ok(said("{url} answers, and lets only members of a room in", url=url))
    return error(
        said("{url}/sfu/get is answered by {status}, and no token", url=url, status=page.status),
        fix="Does lk-jwt-service run, and does the proxy lead this address to it, without the path before "
        "/sfu/get?",
    )


def _openid_token() -> dict[str, Any]:
    from matrix_app.services.openid import make_openid_token
    from matrix_app.services.system_user import system_account

    return make_openid_token(system_account().user_nid)


def _reached(sfu: str) -> Result:
    """The LiveKit server itself, which clients come to by WebSocket, answers plain requests too."""
    parts = urlsplit(sfu)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    fix = said("Does LiveKit run, and does the proxy lead its address to it?")
    try:
        page = outside().page(f"{scheme}://{parts.netloc}{parts.path or '/'}")
    except NoAnswer as fault:
        return error(
            said("The LiveKit server at {sfu} cannot be reached: {fault}", sfu=sfu, fault=fault), fix=fix
        )
    if page.status >= 500:
        return error(
            said("The LiveKit server at {sfu} answers {status}", sfu=sfu, status=page.status), fix=fix
        )
    return ok(said("{sfu} answers", sfu=sfu))
