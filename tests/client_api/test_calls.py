"""TURN credentials and the places of conferences."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode
from pathlib import Path

import pytest

from tests.factories.client import ClientFactory
from tests.factories.settings import settings
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)

URIS = ("turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349")


def test_credentials_from_a_shared_secret_name_their_end_and_are_signed(
    clients: ClientFactory, tmp_path: Path
) -> None:
    secret = tmp_path / "turn"
    # The second line is what it was before a rotation.
    secret.write_text("north\nsouth\n")
    alice = clients.make()
    with settings(turn={"uris": URIS, "secret_file": secret, "ttl_seconds": 3600}):
        found = alice.get("/voip/turnServer").body
    ends, user_id = found["username"].split(":", 1)
    assert user_id == alice.user_id
    assert abs(int(ends) - time.time() - 3600) < 30
    assert b64decode(found["password"]) == hmac.digest(b"north", found["username"].encode(), hashlib.sha1)
    assert (found["uris"], found["ttl"]) == (list(URIS), 3600)


def test_a_fixed_user_and_password_are_handed_out_as_they_are(clients: ClientFactory) -> None:
    with settings(turn={"uris": URIS, "user": "caller", "password": "ring"}):
        found = clients.make().get("/voip/turnServer").body
    assert (found["username"], found["password"]) == ("caller", "ring")


def test_without_a_turn_server_and_for_guests_who_may_not_there_are_no_credentials(
    clients: ClientFactory,
) -> None:
    guest = clients.make(guest=True)
    assert guest.get("/voip/turnServer") == (200, {})
    fixed = {"uris": URIS, "user": "caller", "password": "ring"}
    with settings(turn={**fixed, "guests": False}):
        assert guest.get("/voip/turnServer").body == {}
        assert clients.make().get("/voip/turnServer").body["username"] == "caller"
    with settings(turn=fixed):
        assert guest.get("/voip/turnServer").body["username"] == "caller"


def test_clients_learn_where_conferences_meet(clients: ClientFactory) -> None:
    alice = clients.make()
    paths = (
        "/_matrix/client/v1/rtc/transports",
        "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports",
    )
    assert [alice.get(path).body for path in paths] == [{"rtc_transports": []}] * 2
    assert "org.matrix.msc4143.rtc_foci" not in get("/.well-known/matrix/client").body
    url = "https://rtc.example.org/jwt"
    with settings(rtc={"livekit_service_urls": (url,)}):
        expected = [{"type": "livekit", "livekit_service_url": url}]
        assert alice.get(paths[0]).body == {"rtc_transports": expected}
        assert get("/.well-known/matrix/client").body["org.matrix.msc4143.rtc_foci"] == expected
