"""What the checks say of LiveKit and of how clients learn of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from appliance.diagnostics.checks.rtc import FOCI, service, wellknown
from appliance.diagnostics.result import Status
from matrix_app.services.openid import openid_user
from matrix_app.services.system_user import system_account
from matrix_app.storage import accounts
from tests.factories.accounts import make_account
from tests.factories.outside import FakeOutside, fake_outside
from tests.factories.settings import settings

NAMED: dict[str, Any] = {"name": "hearth.example", "public_baseurl": "https://matrix.hearth.example"}
FILE = "https://hearth.example/.well-known/matrix/client"
URL = "https://rtc.hearth.example/jwt"
TOKEN = {"url": "wss://sfu.hearth.example", "jwt": "eyJ"}


@pytest.fixture
def net() -> Iterator[FakeOutside]:
    """A network, for a server whose conferences meet at one service."""
    with fake_outside() as found, settings(server=NAMED, rtc={"livekit_service_urls": (URL,)}):
        yield found


def test_the_file_must_name_the_services_of_the_settings(net: FakeOutside) -> None:
    net.say(FILE, {})
    found = wellknown()
    assert (found.status, URL in found.snippet) == (Status.ERROR, True)
    net.say(FILE, {FOCI: [{"type": "livekit", "livekit_service_url": URL}]})
    assert wellknown().status is Status.OK
    with settings(server=NAMED, rtc={"livekit_service_urls": ()}):
        assert wellknown().status is Status.WARN, "the settings name none"
        net.say(FILE, {FOCI: "nonsense"})
        assert wellknown().status is Status.SKIPPED


@pytest.mark.django_db(transaction=True)
def test_a_token_is_asked_for_as_by_a_client_and_the_server_behind_it_must_answer(net: FakeOutside) -> None:
    assert service().status is Status.SKIPPED, "the server is not set up"
    assert accounts.any_user_id() is None
    make_account("owner")
    net.say(f"{URL}/sfu/get", TOKEN)
    found = service()
    assert (found.status, "sfu.hearth.example cannot be reached" in found.summary) == (Status.ERROR, True)
    net.say("https://sfu.hearth.example/", {})
    assert service().status is Status.OK
    sent = orjson.loads(net.asked[0][3])
    assert openid_user(sent["openid_token"]["access_token"]) == system_account().user_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("status", "content", "expected", "words"),
    [
        (401, {"errcode": "M_UNAUTHORIZED", "error": "no"}, Status.ERROR, "does not believe"),
        (403, {"errcode": "M_FORBIDDEN"}, Status.OK, "https"),
        (404, {}, Status.ERROR, "answered by 404"),
        (200, {"jwt": "eyJ"}, Status.ERROR, "no token"),
    ],
)
def test_what_is_wrong_with_the_service_is_told(
    net: FakeOutside, status: int, content: dict[str, str], expected: Status, words: str
) -> None:
    make_account("owner")
    net.say(f"{URL}/sfu/get", content, status)
    found = service()
    assert (found.status, words in found.summary) == (expected, True)


def test_without_a_service_there_is_nothing_to_look_at() -> None:
    with fake_outside():
        assert service().status is Status.SKIPPED
