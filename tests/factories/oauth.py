"""A client of the OAuth 2.0 API: registers, asks for codes, and exchanges them."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from matrix_app.protocol.oauth.pkce import challenge_of
from matrix_app.services.audit import Actor
from matrix_app.services.oauth.authorization import grant, read_request
from matrix_app.storage.accounts import Account
from tests.factories.visitor import Reply, ask, post

PREFIX = "/_matrix/hearth/oauth2"
REDIRECT_URI = "https://app.example.com/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-everybody-1234"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
METADATA: dict[str, Any] = {
    "client_name": "Pigeon",
    "client_uri": "https://example.com/",
    "redirect_uris": [REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "web",
}

_serial = itertools.count(1)


def scope_of(device_id: str) -> str:
    """The scope that signs a device in."""
    return f"urn:matrix:client:api:* urn:matrix:client:device:{device_id}"


class OAuthApp:
    """A registered client, and the device that it is to be."""

    def __init__(self, device_id: str | None = None, **changed: Any) -> None:
        self.metadata = {**METADATA, **changed}
        self.device_id = device_id or f"DEVICE{next(_serial):04}"
        registered = post(f"{PREFIX}/register", self.metadata)
        assert registered.status == 201, registered.text
        self.client_id: str = registered.body["client_id"]

    def parameters(self, **changed: str) -> dict[str, str]:
        """The parameters of an authorisation request; an empty one is left out."""
        given = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": scope_of(self.device_id),
            "state": "a state & more",
            "response_mode": "fragment",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in given.items() if value}

    def address(self, **changed: str) -> str:
        """Where the browser is sent to sign in."""
        return f"/account/authorize/?{urlencode(self.parameters(**changed))}"

    def code(self, account: Account, **changed: str) -> str:
        """A code, as if its user had pressed the button."""
        request = read_request({name: [value] for name, value in self.parameters(**changed).items()})
        return answer_of(grant(Actor(account.user_nid, "page"), account, request))["code"]

    def token(self, **fields: str) -> Reply:
        """Ask the token endpoint."""
        return ask("POST", f"{PREFIX}/token", form={"client_id": self.client_id, **fields})

    def exchange(self, code: str, **changed: str) -> Reply:
        """Exchange a code."""
        given = {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER, **changed}
        return self.token(grant_type="authorization_code", code=code, **given)

    def sign_in(self, account: Account) -> dict[str, Any]:
        """Sign in; the answer with the tokens."""
        answer = self.exchange(self.code(account))
        assert answer.status == 200, answer.text
        body: dict[str, Any] = answer.body
        return body

    def refresh(self, token: str) -> Reply:
        """Ask for new tokens."""
        return self.token(grant_type="refresh_token", refresh_token=token)

    def begin_device_grant(self) -> dict[str, Any]:
        """Ask for a user code."""
        form = {"client_id": self.client_id, "scope": scope_of(self.device_id)}
        answer = ask("POST", f"{PREFIX}/device", form=form)
        assert answer.status == 200, answer.text
        body: dict[str, Any] = answer.body
        return body

    def poll(self, device_code: str) -> Reply:
        """Ask whether the user has decided."""
        return self.token(grant_type=DEVICE_CODE, device_code=device_code)


def revoke(token: str, **fields: str) -> Reply:
    """Sign out by a token."""
    return ask("POST", f"{PREFIX}/revoke", form={"token": token, **fields})


def answer_of(address: str) -> dict[str, str]:
    """What a redirect carries, in its query or its fragment."""
    parts = urlsplit(address)
    assert not (parts.query and parts.fragment)
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}
