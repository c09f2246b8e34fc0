"""Signing in by a CAS server, version 2 of its protocol ("SSO client login")."""

from __future__ import annotations

import xml.parsers.expat
from urllib.parse import parse_qsl, urlencode, urlsplit

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, InvalidParam, Unrecognized
from matrix_app.protocol.ids import map_localpart
from matrix_app.services.create_account import create_account, local_user_id
from matrix_app.services.outgoing_http import get
from matrix_app.services.public_address import public_baseurl
from matrix_app.storage import accounts
from matrix_app.storage.accounts import Account

# The address that is registered at CAS servers, which Synapse uses too.
CALLBACK = "/_matrix/client/r0/login/cas/ticket"
_NAMESPACE = "http://www.yale.edu/tp/cas"


def is_configured() -> bool:
    """Whether users sign in by a CAS server."""
    return bool(get_config().cas.server_url)


def sign_in_address(**state: str) -> str:
    """Where a browser is sent to sign in; `state` comes back to the callback. Raises `Unrecognized`."""
    if not is_configured():
        raise Unrecognized("This server has no single sign-on")
    return f"{_server()}/login?{urlencode({'service': _service(state)})}"


def _server() -> str:
    return get_config().cas.server_url.rstrip("/")


def _service(state: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in state.items() if value})
    return f"{public_baseurl()}{CALLBACK}?{query}"


def user_of_ticket(ticket: str, state: dict[str, str]) -> str:
    """The name of the user whom the CAS server gave a ticket; raises `Forbidden` or `BadGateway`."""
    if not is_configured():
        raise Unrecognized("This server has no single sign-on")
    query = urlencode({"ticket": ticket, "service": _service(state)})
    name = parse_answer(get(f"{_server()}/proxyValidate?{query}").content)
    if name is None:
        raise Forbidden("The sign-in was not confirmed by the CAS server")
    return name


def parse_answer(content: bytes) -> str | None:
    """The user name in the answer to a ticket, or None when it is not one of success."""
    path: list[str] = []
    text: list[str] = []
    wanted = [f"{_NAMESPACE} {name}" for name in ("serviceResponse", "authenticationSuccess", "user")]

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)

    def end(name: str) -> None:
        path.pop()

    def data(found: str) -> None:
        if path == wanted:
            text.append(found)

    def refuse(*declaration: object) -> None:
        raise ValueError("entities are not allowed")

    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = data, refuse
    try:
        parser.Parse(content, True)
    except (xml.parsers.expat.ExpatError, ValueError):
        return None
    return "".join(text).strip() or None


def user_id_of(name: str) -> str:
    """The user ID that a name at the CAS server stands for."""
    return local_user_id(map_localpart(name))


def account_of(name: str) -> Account:
    """The account of a user of the CAS server, made at the first sign-in."""
    return accounts.find(user_id_of(name)) or create_account(map_localpart(name), display_name=name)


def with_login_token(redirect_url: str, token: str) -> str:
    """The client's address with `loginToken` added, in place of any that it has."""
    address, mark, fragment = redirect_url.partition("#")
    base, _, query = address.partition("?")
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "loginToken"]
    return f"{base}?{urlencode([*pairs, ('loginToken', token)])}{mark}{fragment}"


def check_redirect(address: str) -> str:
    """The address when a browser can be sent there; raises `InvalidParam` for scripts and the like."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = ""
    if not scheme or scheme in ("javascript", "data", "vbscript", "blob", "file"):
        raise InvalidParam("redirectUrl is not an address that a browser can be sent to")
    return address
