"""What the checks say of federation, with other servers that are made up."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from appliance.config import get_config
from appliance.diagnostics.checks import federation
from appliance.diagnostics.result import Status
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.services.examine_server import Examination, Hop
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

NAMED: dict[str, Any] = {"public_baseurl": "https://matrix.hearth.example"}


class Peer:
    """Another server, which fetches keys or not."""

    def __init__(self) -> None:
        self.is_there = True
        self.fetches = True
        self.content: dict[str, Any] = {}

    def request(self, destination: str, method: str, path: str, **options: Any) -> Any:
        if not self.is_there:
            raise RemoteUnreachable(f"{destination} gave no answer")
        if method == "GET":
            return {"server": {}}
        self.content = options["content"]
        [(name, keys)] = self.content["server_keys"].items()
        wanted = next(iter(keys.values()))["minimum_valid_until_ts"]
        answer = {"server_name": name, "valid_until_ts": wanted if self.fetches else wanted - 1}
        return {"server_keys": [answer]}


peer = Peer()
found_here: list[Examination] = []


def examiner(server_name: str) -> Examination:
    return found_here[0]


@pytest.fixture(autouse=True)
def _others() -> Any:
    peer.__init__()  # type: ignore[misc]
    with (
        override_settings(REMOTE_SERVERS=f"{__name__}.peer", SERVER_EXAMINER=f"{__name__}.examiner"),
        settings(server=NAMED),
    ):
        yield


def test_a_peer_that_fetches_our_keys_shows_that_others_reach_us() -> None:
    assert federation.outbound().status is Status.OK
    assert federation.roundtrip().status is Status.OK
    assert list(peer.content["server_keys"]) == [get_config().server.name]
    peer.fetches = False
    assert federation.roundtrip().status is Status.ERROR


def test_a_peer_that_is_away_says_nothing_of_the_way_in() -> None:
    peer.is_there = False
    assert federation.outbound().status is Status.ERROR
    assert federation.roundtrip().status is Status.WARN


def test_nobody_is_asked_where_nobody_may_be() -> None:
    with settings(diagnostics={"federation_peer": ""}):
        assert federation.roundtrip().status is Status.SKIPPED
    with settings(federation={"enabled": False}):
        assert federation.outbound().status is federation.keys().status is Status.SKIPPED


def test_the_first_step_that_fails_is_named() -> None:
    good = (Hop("keys", "/key", "ok", "ed25519:a"), Hop("version", "/version", "ok", "Hearth"))
    found_here[:] = [Examination("hearth.example", good)]
    assert (federation.keys().status, federation.version().summary) == (Status.OK, "Hearth")
    bad = (Hop("tls", "1.1.1.1 port 443", "error", "refused"), Hop("keys", "/key", "error", "no keys"))
    found_here[:] = [Examination("hearth.example", bad)]
    assert (federation.keys().status, federation.keys().summary) == (Status.ERROR, "refused")
    assert "no keys" in federation.keys().detail
