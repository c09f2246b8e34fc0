"""Single sign-on by this server's own pages, for clients of the legacy API ("OAuth 2.0 aware clients").

They send their users here as to any SSO, and get a login token.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import audit, cas
from matrix_app.services.audit import Actor
from matrix_app.services.login_tokens import make_login_token
from matrix_app.services.oauth.server_metadata import is_on
from matrix_app.services.public_address import public_baseurl
from matrix_app.storage import db
from matrix_app.storage.accounts import Account

PAGE: Final = "/account/app/"
LONGEST: Final = 2000
_HOST: Final = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


class Target(NamedTuple):
    """Where a client wants its user back: the address, what people see of it, a policy's name for it."""

    address: str
    shown: str
    source: str


def is_offered() -> bool:
    """Whether clients may use it; where there is a CAS server, that is the single sign-on."""
    return is_on() and not cas.is_configured()


def target_of(address: str) -> Target:
    """The target of a `redirectUrl`; raises `InvalidParam` for one to which nobody can be sent."""
    if len(address) > LONGEST or not address.isascii() or not address.isprintable() or " " in address:
        raise InvalidParam("redirectUrl is not an address that a browser can be sent to")
    parts = urlsplit(cas.check_redirect(address))
    if parts.scheme in ("http", "https") and "\\" not in address and _HOST.fullmatch(parts.netloc):
        return Target(address, parts.netloc, f"{parts.scheme}://{parts.netloc}")
    if parts.scheme in ("http", "https") or not _SCHEME.fullmatch(parts.scheme):
        raise InvalidParam("redirectUrl is not an address that a browser can be sent to")
    return Target(address, f"{parts.scheme}:", f"{parts.scheme}:")


def page_address(redirect_url: str, action: str | None) -> str:
    """Where a browser is sent to sign in, or to register; raises `InvalidParam`."""
    given = {"redirectUrl": target_of(redirect_url).address}
    if action == "register":
        given["action"] = action
    return f"{public_baseurl()}{PAGE}?{urlencode(given)}"


def allow(actor: Actor, account: Account, target: Target) -> str:
    """Let a client sign in once; where the browser goes with the token."""
    with db.write():
        token, _ = make_login_token(account.user_nid)
        audit.record(actor, "account.allow_app", account.user_id, host=target.shown)
    return cas.with_login_token(target.address, token)
