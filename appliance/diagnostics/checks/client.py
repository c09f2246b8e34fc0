"""What clients ask first, asked through the public address, and what the proxy makes of requests."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import quote

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import NoAnswer, Page, outside
from appliance.diagnostics.own_names import nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, unknown, warn
from matrix_app.protocol.said import said

CADDY = "reverse_proxy /_matrix/* /_hearth/* /.well-known/matrix/* 127.0.0.1:8008"
NGINX = """location / {
    proxy_pass http://127.0.0.1:8008;   # without a path: that keeps %2F as it is
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_read_timeout 600s;
    client_max_body_size 0;
}"""

LONG_POLL_SECONDS: Final = 65
# A filter that keeps nothing, so that there is no news.
_NOTHING: Final = quote('{"room":{"rooms":[]},"presence":{"types":[]},"account_data":{"types":[]}}', safe="")


@check("client.versions", "Clients reach the server", needs=["names.host"], timeout=20)
@on_no_answer
def versions() -> Result:
    """GET /_matrix/client/versions through the public address."""
    names = own_names()
    if names is None:
        return nameless()
    page = outside().page(f"{names.base}/_matrix/client/versions")
    if page.status == 200 and page.json().get("versions"):
        return ok(said("{base} answers", base=names.base))
    return error(
        said(
            "{base}/_matrix/client/versions answers {status}, and not as Hearth does",
            base=names.base,
            status=page.status,
        ),
        fix="Lead everything below /_matrix/ to Hearth in the proxy.",
        snippet=CADDY,
    )


@check("client.login", "Ways to sign in", needs=["client.versions"], timeout=20)
@on_no_answer
def login() -> Result:
    """GET /login says how users can sign in."""
    names = own_names()
    if names is None:
        return nameless()
    page = outside().page(f"{names.base}/_matrix/client/v3/login")
    flows = page.json().get("flows")
    if page.status != 200 or not isinstance(flows, list) or not flows:
        return error(
            said("No way to sign in is offered (status {status})", status=page.status), fix="See the logs."
        )
    kinds = [str(flow.get("type")) for flow in flows if isinstance(flow, dict)]
    return ok(", ".join(kinds))


@check("client.cors", "Clients in browsers", needs=["client.versions"], timeout=20)
@on_no_answer
def cors() -> Result:
    """Browsers ask by OPTIONS first, and want exactly one Access-Control-Allow-Origin."""
    names = own_names()
    if names is None:
        return nameless()
    headers = {
        "Origin": "https://client.invalid",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    page = outside().page(f"{names.base}/_matrix/client/v3/login", method="OPTIONS", headers=headers)
    origin = page.headers.get("access-control-allow-origin", "")
    if page.status not in (200, 204) or origin != "*":
        return error(
            said(
                "Browsers may not use this server: OPTIONS gives {status}, origin {origin}",
                status=page.status,
                origin=origin or said("none"),
            ),
            fix="Let the proxy pass OPTIONS on, and add no Access-Control headers of its own.",
        )
    return ok("They may")


@check("proxy.headers", "What the proxy says of clients", needs=["client.versions"], timeout=20)
@on_no_answer
def headers() -> Result:
    """X-Forwarded-For and X-Forwarded-Proto arrive, from a proxy that is trusted."""
    names = own_names()
    if names is None:
        return nameless()
    found = _reflected(names.base).json()
    if found.get("server_name") != get_config().server.name:
        return error(
            said("{base}/_hearth/ does not lead to this server", base=names.base),
            fix="Lead everything below /_hearth/ to Hearth, too.",
            snippet=CADDY,
        )
    if not found.get("forwarded_for"):
        return error(
            "The proxy does not say whose requests it passes on: all clients share one limit",
            fix="Have it send X-Forwarded-For.",
            snippet=NGINX,
        )
    if not found.get("https"):
        return error(
            "The proxy does not say that clients came over https, or is not trusted",
            fix="Have it send X-Forwarded-Proto, and name its address in server.trusted_proxies.",
            snippet=NGINX,
        )
    return ok("X-Forwarded-For and X-Forwarded-Proto arrive")


@check("proxy.slashes", "Encoded slashes in paths", needs=["client.versions"], timeout=20)
@on_no_answer
def slashes() -> Result:
    """Room aliases and IDs may hold slashes, which come as %2F and must stay so."""
    names = own_names()
    if names is None:
        return nameless()
    page = _reflected(names.base)
    if page.status == 200 and page.json().get("segment") == "a/b":
        return ok("They stay as they are")
    return warn(
        said("The proxy changes %2F in paths (status {status})", status=page.status),
        fix="In nginx, proxy_pass must have no path after the port; in Apache, use nocanon.",
        snippet=NGINX,
    )


def _reflected(base: str) -> Page:
    return outside().page(f"{base}/_hearth/reflection/a%2Fb")


@check(
    "proxy.long_poll",
    "Requests that wait",
    needs=["client.versions", "endtoend.message"],
    timeout=LONG_POLL_SECONDS + 25,
    slow=True,
)
def long_poll() -> Result:
    """A sync waits for news for a minute and longer, which many proxies cut off."""
    from matrix_app.services.system_user import system_session

    names = own_names()
    if names is None:
        return nameless()
    began = time.monotonic()
    token = system_session("HEARTHWAIT").access_token
    headers, query = {"Authorization": f"Bearer {token}"}, f"filter={_NOTHING}"
    address = f"{names.base}/_matrix/client/v3/sync?{query}"
    since = outside().page(address, headers=headers).json().get("next_batch")
    try:
        page = outside().page(
            f"{address}&since={since}&timeout={LONG_POLL_SECONDS * 1000}",
            headers=headers,
            seconds=LONG_POLL_SECONDS + 10.0,
        )
        status = page.status
    except NoAnswer:
        status = 0
    return _waited(status, time.monotonic() - began)


def _waited(status: int, seconds: float) -> Result:
    if status != 200:
        return error(
            said(
                "A sync was cut off after {seconds:.0f} s: messages arrive late, and clients ask too often",
                seconds=seconds,
            ),
            fix="Let the proxy wait for an answer for ten minutes.",
            snippet=NGINX,
        )
    if seconds < LONG_POLL_SECONDS:
        return unknown(
            said(
                "A sync had news after {seconds:.0f} s, so it was not seen how long one may wait",
                seconds=seconds,
            )
        )
    return ok(said("A sync may wait for {seconds} s", seconds=LONG_POLL_SECONDS))
