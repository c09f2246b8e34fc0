"""What a client says of itself when it registers ("Client metadata" of the OAuth 2.0 API, RFC 7591)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from matrix_app.protocol.errors import OAuthError
from matrix_app.protocol.oauth.uris import WebAddress, is_below, is_redirect_uri, web_address

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)

MOST_REDIRECT_URIS: Final = 20
LONGEST_NAME: Final = 100
_MOST_VALUES: Final = 50


class ClientMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of a client as they are registered."""

    client_uri: str
    application_type: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    token_endpoint_auth_method: str
    client_name: str | None = None
    logo_uri: str | None = None
    tos_uri: str | None = None
    policy_uri: str | None = None

    @property
    def host(self) -> str:
        """The host by which people know the client."""
        return _base(self.client_uri).host

    @property
    def name(self) -> str:
        """What the client calls itself, or else its host."""
        return self.client_name or self.host


def parse_client_metadata(given: Mapping[str, Any]) -> ClientMetadata:
    """The metadata of a registration; values that are not understood are left out, as RFC 7591 has it.

    Raises `OAuthError`: `invalid_redirect_uri`, or `invalid_client_metadata` for all else that is wrong.
    """
    client_uri = _text(given, "client_uri")
    if client_uri is None:
        raise _wrong("client_uri is missing")
    base = _base(client_uri)
    kind = _one_of(given, "application_type", ("web", "native"))
    grants = _grant_types(given)
    return ClientMetadata(
        client_uri=client_uri,
        application_type=kind,
        redirect_uris=_redirect_uris(given, base, kind, grants),
        grant_types=grants,
        response_types=_response_types(given, grants),
        token_endpoint_auth_method=_one_of(given, "token_endpoint_auth_method", ("none",)),
        client_name=_name(given),
        logo_uri=_own_address(given, "logo_uri", base),
        tos_uri=_own_address(given, "tos_uri", base),
        policy_uri=_own_address(given, "policy_uri", base),
    )


def _wrong(message: str) -> OAuthError:
    return OAuthError(message, error="invalid_client_metadata")


def _base(client_uri: str) -> WebAddress:
    base = web_address(client_uri)
    if base is None:
        raise _wrong("client_uri must be an https address without a user")
    return base


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{name} must be a string")
    return value


def _one_of(given: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = _text(given, name)
    if value is not None and value not in known:
        raise _wrong(f"{name} must be {' or '.join(known)}")
    return value or known[0]


def _list(given: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(f"{name} must be a list of strings")
    if len(value) > _MOST_VALUES:
        raise _wrong(f"{name} is too long")
    return tuple(dict.fromkeys(value))


def _grant_types(given: Mapping[str, Any]) -> tuple[str, ...]:
    asked = _list(given, "grant_types", (AUTHORIZATION_CODE,))
    known = [grant for grant in GRANT_TYPES if grant in asked]
    if known in ([], [REFRESH_TOKEN]):
        raise _wrong(f"grant_types must contain {AUTHORIZATION_CODE} or {DEVICE_CODE}")
    # "When authorisation is granted to a client, the homeserver MUST issue a refresh token".
    return tuple(grant for grant in GRANT_TYPES if grant in known or grant == REFRESH_TOKEN)


def _response_types(given: Mapping[str, Any], grants: tuple[str, ...]) -> tuple[str, ...]:
    asked = _list(given, "response_types", ("code",))
    if AUTHORIZATION_CODE in grants and "code" not in asked:
        raise _wrong("response_types must contain code")
    return ("code",) if "code" in asked else ()


def _redirect_uris(
    given: Mapping[str, Any], base: WebAddress, kind: str, grants: tuple[str, ...]
) -> tuple[str, ...]:
    uris = _list(given, "redirect_uris", ())
    if len(uris) > MOST_REDIRECT_URIS:
        raise OAuthError(
            f"There may be {MOST_REDIRECT_URIS} redirect_uris at most", error="invalid_redirect_uri"
        )
    if not uris and AUTHORIZATION_CODE in grants:
        raise OAuthError("redirect_uris are missing", error="invalid_redirect_uri")
    for uri in uris:
        if not is_redirect_uri(uri, base.host, kind):
            raise OAuthError(
                f"This client of {base.host} cannot redirect to {uri}", error="invalid_redirect_uri"
            )
    return uris


def _own_address(given: Mapping[str, Any], name: str, base: WebAddress) -> str | None:
    value = _text(given, name)
    if value is None:
        return None
    address = web_address(value)
    if address is None or not is_below(address.host, base.host):
        raise _wrong(f"{name} must be an https address at {base.host}")
    return value


def _name(given: Mapping[str, Any]) -> str | None:
    """The name without what cannot be seen, or turns the text around it."""
    value = _text(given, "client_name")
    if value is None:
        return None
    seen = "".join(" " if unicodedata.category(c)[0] in "ZC" else c for c in value)
    return " ".join(seen.split())[:LONGEST_NAME].strip() or None
