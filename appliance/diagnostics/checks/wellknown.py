"""The files of /.well-known/matrix/, by which clients and servers find this one by its name."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import Page, outside
from appliance.diagnostics.own_names import OwnNames, nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, skipped, warn
from matrix_app.protocol.said import said

_NGINX = """location = /.well-known/matrix/{kind} {{
    default_type application/json;
    add_header Access-Control-Allow-Origin *;
    return 200 '{body}';
}}"""


def _asked(names: OwnNames, kind: str) -> Page:
    return outside().page(f"https://{names.domain}/.well-known/matrix/{kind}")


def _snippet(kind: str, body: str) -> str:
    return _NGINX.format(kind=kind, body=body)


def _is_same_address(one: object, other: str) -> bool:
    if not isinstance(one, str):
        return False
    ours, theirs = urlsplit(other), urlsplit(one.rstrip("/"))
    return (theirs.scheme, theirs.hostname, theirs.port or 443, theirs.path) == (
        ours.scheme,
        ours.hostname,
        ours.port or 443,
        ours.path,
    )


@check("wellknown.server", ".well-known for other servers", timeout=20)
@on_no_answer
def server() -> Result:
    """`m.server` leads other servers to this one."""
    names = own_names()
    if names is None:
        return nameless()
    if not get_config().federation.enabled:
        return skipped("Federation is switched off")
    if names.server_name != names.domain:
        return skipped("A server name with a port needs none")
    wanted = f"{names.host}:{names.port}"
    page = _asked(names, "server")
    found = page.json().get("m.server")
    if page.status == 200 and str(found).lower() == wanted.lower():
        return ok(said("It leads to {found}", found=found))
    if page.status == 200 and isinstance(found, str):
        return warn(
            said("It leads to {found}, and clients are sent to {wanted}", found=found, wanted=wanted),
            fix="That is right only if other servers come in there on purpose.",
            snippet=_snippet("server", f'{{"m.server": "{wanted}"}}'),
        )
    if outside().services(f"_matrix-fed._tcp.{names.domain}") or not names.delegates:
        return info(said("There is none (status {status}); other servers come by DNS", status=page.status))
    return error(
        said(
            "https://{domain}/.well-known/matrix/server answers {status} and no m.server",
            domain=names.domain,
            status=page.status,
        ),
        fix=said(
            "Let the web server of {domain} answer so, or lead /.well-known/matrix/ to Hearth.",
            domain=names.domain,
        ),
        snippet=_snippet("server", f'{{"m.server": "{wanted}"}}'),
    )


@check("wellknown.client", ".well-known for clients", timeout=20)
@on_no_answer
def client() -> Result:
    """`m.homeserver.base_url` leads clients here, also those in browsers (CORS)."""
    names = own_names()
    if names is None:
        return nameless()
    page = _asked(names, "client")
    snippet = _snippet("client", f'{{"m.homeserver": {{"base_url": "{names.base}"}}}}')
    homeserver = page.json().get("m.homeserver")
    found = homeserver.get("base_url") if isinstance(homeserver, dict) else None
    if page.status != 200 or not isinstance(found, str):
        return error(
            said(
                "https://{domain}/.well-known/matrix/client answers {status} and no base_url",
                domain=names.domain,
                status=page.status,
            ),
            fix="Users must type the whole address of the server until this is there.",
            snippet=snippet,
        )
    if not _is_same_address(found, names.base):
        return error(
            said("It leads clients to {found}, not to {base}", found=found, base=names.base),
            fix="Correct it.",
            snippet=snippet,
        )
    if page.headers.get("access-control-allow-origin") != "*":
        return error(
            "Clients in browsers may not read it",
            fix="Send the header Access-Control-Allow-Origin: *.",
            snippet=snippet,
        )
    return ok(said("It leads to {found}", found=found))


@check("wellknown.support", ".well-known with contacts", timeout=20)
@on_no_answer
def support() -> Result:
    """Users and owners of other servers look there for somebody to turn to."""
    names = own_names()
    if names is None:
        return nameless()
    page = _asked(names, "support")
    if page.status == 200 and (page.json().get("contacts") or page.json().get("support_page")):
        return ok("It names a contact")
    return info(
        said("https://{domain}/.well-known/matrix/support names nobody", domain=names.domain),
        fix="Set server.admin_contact, and lead /.well-known/matrix/ of the domain to Hearth.",
    )
