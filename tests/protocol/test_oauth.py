"""Client metadata, redirect URIs, scopes and PKCE."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import OAuthError
from matrix_app.protocol.oauth.client_metadata import ClientMetadata, parse_client_metadata
from matrix_app.protocol.oauth.pkce import challenge_of, is_challenge, proves
from matrix_app.protocol.oauth.scope import parse_scope
from matrix_app.protocol.oauth.uris import is_redirect_uri, matches, policy_sources, shown_target, web_address

API = "urn:matrix:client:api:*"
DEVICE = "urn:matrix:client:device:"
METADATA = {"client_uri": "https://example.com/", "redirect_uris": ["https://example.com/callback"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("client_uri", "client_name", "logo_uri", "tos_uri", "policy_uri", "redirect_uris"),
        *("grant_types", "response_types", "token_endpoint_auth_method", "application_type"),
    ]
)


def parsed(**changed: Any) -> ClientMetadata:
    return parse_client_metadata({**METADATA, **changed})


def refusal(**changed: Any) -> str:
    with pytest.raises(OAuthError) as raised:
        parsed(**changed)
    return raised.value.error


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/callback",
        "https://app.example.com/callback",
        "https://example.com:5173/?query=value",
    ],
)
def test_the_examples_of_web_clients_are_taken(uri: str) -> None:
    assert is_redirect_uri(uri, "example.com", "web")
    assert is_redirect_uri(uri, "example.com", "native")


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/callback#fragment",
        "https://example.com/#",
        "http://example.com/callback",
        "http://localhost/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@evil.example/",
        "https://evil.example/?https://example.com/",
        "https://notexample.com/",
        "https://example.com.evil.example/",
        "https://evil.example\\@example.com/",
        "https://evil.example\t.example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://.example.com/",
        "https:example.com/callback",
        "https:///example.com/callback",
        "https://ex\u00e4mple.example.com/",
        "com.example:/callback",
        "javascript:alert(1)//https://example.com/",
        "data:text/html,x",
        "",
        "https://example.com/" + "a" * 3000,
    ],
)
def test_other_redirect_uris_of_web_clients_are_refused(uri: str) -> None:
    assert not is_redirect_uri(uri, "example.com", "web")


@pytest.mark.parametrize(
    "uri",
    [
        "com.example.app:/callback",
        "com.example:/",
        "com.example:callback",
        "http://localhost/callback",
        "http://127.0.0.1/callback",
        "http://[::1]/callback",
    ],
)
def test_the_examples_of_native_clients_are_taken(uri: str) -> None:
    assert is_redirect_uri(uri, "example.com", "native")
    assert not is_redirect_uri(uri, "example.com", "web")


@pytest.mark.parametrize(
    "uri",
    [
        "example:/callback",
        "com.example.app://callback",
        "https://localhost/callback",
        "http://localhost:1234/callback",
        "http://localhost.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.2/",
        "com.exampleapp:/callback",
        "com.example.app:/callback#",
        "COM.EXAMPLE:/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "intent://x#Intent;end",
        "com.example.app:/call back",
        "com.example.app:/call\nback",
    ],
)
def test_the_counterexamples_of_native_clients_are_refused(uri: str) -> None:
    assert not is_redirect_uri(uri, "example.com", "native")


@pytest.mark.parametrize("scheme", ["javascript", "data", "vbscript", "blob", "file", "about"])
def test_no_client_has_a_scheme_of_browsers_by_a_host_of_that_name(scheme: str) -> None:
    assert not is_redirect_uri(f"{scheme}:alert(1)", scheme, "native")


def test_only_ports_of_loopback_may_differ_from_what_was_registered() -> None:
    assert matches("http://127.0.0.1:4711/callback", "http://127.0.0.1/callback")
    assert matches("http://[::1]:1/callback?a=b", "http://[::1]/callback?a=b")
    for given_uri in (
        "http://127.0.0.1:4711/other",
        "http://localhost/callback",
        "http://127.0.0.1:0/callback",
    ):
        assert not matches(given_uri, "http://127.0.0.1/callback")
    assert not matches("http://127.0.0.1:1/callback#x", "http://127.0.0.1/callback")
    assert matches("https://a.example/x", "https://a.example/x")
    for given_uri in (
        "https://a.example/x/",
        "https://a.example:443/x",
        "https://A.example/x",
        "https://a.example/x?",
    ):
        assert not matches(given_uri, "https://a.example/x")


@given(st.text(max_size=60))
def test_no_text_matches_another_redirect_uri(text: str) -> None:
    registered = "https://example.com/callback"
    assert matches(text, registered) == (text == registered)


def test_people_and_policies_are_told_where_a_redirect_uri_leads() -> None:
    told = {
        "https://app.example.com:444/x": (
            "app.example.com",
            ("https://example.com:*", "https://*.example.com:*"),
        ),
        "com.example:/x": ("com.example:", ("com.example:",)),
        "http://localhost:80/x": ("localhost", ("http://localhost:80",)),
        "http://[::1]:80/x": ("[::1]", ("http:",)),
    }
    assert {uri: (shown_target(uri), policy_sources(uri, "example.com")) for uri in told} == told
    assert policy_sources("https://chat/x", "chat") == ("https://chat:*",)


def test_what_is_registered_is_what_is_understood() -> None:
    found = parsed(
        client_name="  A\u202ename\n of\x00it ",
        grant_types=[
            "refresh_token",
            "authorization_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        response_types=["code", "token"],
        unheard_of=5,
        **{"client_name#fr": "Autre"},
    )
    assert found == ClientMetadata(
        client_uri="https://example.com/",
        application_type="web",
        redirect_uris=("https://example.com/callback",),
        grant_types=("authorization_code", "refresh_token"),
        response_types=("code",),
        token_endpoint_auth_method="none",
        client_name="A name of it",
    )
    assert parsed().grant_types == ("authorization_code", "refresh_token")
    assert parsed().name == "example.com"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_uri": None},
        {"client_uri": "http://example.com/"},
        {"client_uri": "https://u:p@example.com/"},
        {"client_uri": 5},
        {"application_type": "desktop"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"grant_types": ["refresh_token"]},
        {"grant_types": ["implicit"]},
        {"grant_types": "authorization_code"},
        {"grant_types": [f"g{n}" for n in range(51)]},
        {"response_types": ["token"]},
        {"logo_uri": "https://elsewhere.example/logo.png"},
        {"tos_uri": "javascript:alert(1)"},
        {"policy_uri": "https://u@example.com/"},
        {"client_name": ["a"]},
    ],
)
def test_wrong_metadata_are_refused(changed: dict[str, Any]) -> None:
    assert refusal(**changed) == "invalid_client_metadata"


@pytest.mark.parametrize(
    "uris", [[], ["https://elsewhere.example/"], [f"https://example.com/{n}" for n in range(21)]]
)
def test_wrong_redirect_uris_are_told_as_such(uris: list[str]) -> None:
    assert refusal(redirect_uris=uris) == "invalid_redirect_uri"


def test_a_client_without_redirects_may_use_the_device_grant() -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    found = parsed(redirect_uris=None, grant_types=[device], response_types=[])
    assert found.grant_types == ("refresh_token", device)


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_metadata_are_taken_or_refused(given_metadata: dict[str, Any]) -> None:
    try:
        found = parse_client_metadata({**METADATA, **given_metadata})
    except OAuthError:
        return
    assert web_address(found.client_uri) is not None
    assert all(is_redirect_uri(uri, found.host, found.application_type) for uri in found.redirect_uris)


def test_scopes_name_the_api_and_one_device() -> None:
    found = parse_scope(f"openid {API} {DEVICE}ABC email")
    assert found == ("ABC", f"{API} {DEVICE}ABC")
    old = "urn:matrix:org.matrix.msc2967.client:"
    assert parse_scope(f"{old}api:* {old}device:a+/b").device_id == "a+/b"
    assert parse_scope(f"{API} {DEVICE}ABC {old}device:ABC").device_id == "ABC"


@pytest.mark.parametrize(
    "scope",
    [
        "",
        API,
        f"{DEVICE}ABC",
        f"{API} {DEVICE}",
        f"{API} {DEVICE}A {DEVICE}B",
        f"{API} {DEVICE}A {DEVICE}A",
        f"{API}  {DEVICE}A",
        f'{API} {DEVICE}A"B',
        f"{API} {DEVICE}A\\B",
        f"{API} {DEVICE}\u00e4",
        f"{API}\t{DEVICE}A",
        f"{API} {DEVICE}{'A' * 256}",
        f"{API} {DEVICE}A " + "x" * 1000,
    ],
)
def test_other_scopes_are_refused(scope: str) -> None:
    with pytest.raises(OAuthError, match=r"scope|device"):
        parse_scope(scope)


def test_a_verifier_proves_its_challenge_alone() -> None:
    """The example of RFC 7636, appendix B."""
    verifier, challenge = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )
    assert challenge_of(verifier) == challenge
    assert proves(verifier, challenge)
    assert not proves(verifier[:-1] + "l", challenge)
    assert not proves(challenge, challenge)


@given(st.text(alphabet="abAB01-._~+/=\u00e4 ", max_size=140))
def test_verifiers_and_challenges_have_their_length_and_letters(text: str) -> None:
    plain = text.isascii() and not set(text) & set("+/= ")
    assert is_challenge(text) == (plain and len(text) == 43 and not set(text) & set(".~"))
    if not (plain and 43 <= len(text) <= 128):
        assert not proves(text, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
