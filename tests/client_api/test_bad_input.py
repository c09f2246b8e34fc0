"""Requests that no honest client makes: each is refused with the right error, and leaves nothing behind."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.client_api.bad_requests import CASES, MESSAGE, PASSWORD, STATE, V3, Case, text
from tests.real_server import engines, judged_server


class Room:
    """A user alone in a room of version 10, in which one message was said."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        self.places: dict[str, str] = {}
        account = self._register()
        self.http.headers["Authorization"] = f"Bearer {account['access_token']}"
        user = account["user_id"]
        self.places = {"{user}": user, "{server}": user.partition(":")[2]}
        self.id = self.good("POST", V3 + "/createRoom", {"room_version": "10"})["room_id"]
        self.places["{room}"] = self.id
        self.places["{event}"] = self.good("PUT", MESSAGE, text("the only one"))["event_id"]

    def _register(self) -> Any:
        session = self.ask("POST", V3 + "/register", b"{}").json()["session"]
        auth = {"type": "m.login.dummy", "session": session}
        body = {"username": f"bad{secrets.token_hex(4)}", "password": PASSWORD, "auth": auth}
        return self.good("POST", V3 + "/register", body)

    def ask(self, method: str, path: str, body: bytes = b"") -> requests.Response:
        """The answer to a request; what stands in braces is replaced by this user's things."""
        for place, value in {**self.places, "{txn}": secrets.token_hex(8)}.items():
            path = path.replace(place, value)
            body = body.replace(place.encode(), value.encode())
        url = self.base + quote(path, safe="/?&=%:!$@")
        headers = {"Content-Type": "application/json"}
        # Whoever registers has no token yet.
        send = requests.request if "/register" in path else self.http.request
        return send(method, url, data=body, headers=headers, timeout=60)

    def good(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, b"" if body is None else json.dumps(body).encode())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def contents(self) -> Any:
        """All that a bad request could have changed for this user."""
        sync = self.good("GET", V3 + "/sync?timeout=0&set_presence=offline")
        joined = sync["rooms"]["join"]
        mine = joined[self.id]
        return {
            "rooms": sorted(joined),
            "timeline": [event["event_id"] for event in mine["timeline"]["events"]],
            "state": sorted(event["event_id"] for event in self.good("GET", STATE)),
            "account data": [sync.get("account_data"), mine.get("account_data")],
            "ephemeral": mine.get("ephemeral"),
            "profile": self.ask("GET", V3 + "/profile/{user}").json(),
            "aliases": self.good("GET", V3 + "/rooms/{room}/aliases")["aliases"],
            "pushers": self.good("GET", V3 + "/pushers"),
        }


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with judged_server(tmp_path_factory.mktemp("hearth"), engines()[-1]) as server:
        yield Room(server.base)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_request_is_refused_and_changes_nothing(room: Room, case: Case) -> None:
    before = room.contents()
    answer = room.ask(case.method, case.path, case.data())
    assert 400 <= answer.status_code < 500, f"{answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["errcode"] in case.errors, answer.text[:300]
    assert isinstance(answer.json()["error"], str)
    assert room.contents() == before


@pytest.mark.slow
def test_a_request_without_a_token_or_with_a_wrong_one_is_told_so(room: Room) -> None:
    for headers, errcode in (
        ({}, "M_MISSING_TOKEN"),
        ({"Authorization": "Bearer nonsense"}, "M_UNKNOWN_TOKEN"),
        ({"Authorization": "Bearer \udcff\udcfe".encode("utf-8", "surrogateescape")}, "M_UNKNOWN_TOKEN"),
        ({"Authorization": "Basic eDp5"}, "M_MISSING_TOKEN"),
    ):
        answer = requests.get(f"{room.base}{V3}/sync", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["errcode"]) == (401, errcode), headers


@pytest.mark.slow
@pytest.mark.parametrize("body", ["a\0b", "\x01\x1f\x7f", "\u2028\ufeff\uffff", "\U0010ffff", "x" * 64_000])
def test_an_odd_but_valid_message_comes_back_as_it_was(room: Room, body: str) -> None:
    sent = room.good(
        "PUT", MESSAGE, {"msgtype": "m.text", "body": body, "n": 2**53 - 1, body[:9]: [-(2**53) + 1]}
    )
    event = room.good("GET", V3 + f"/rooms/{{room}}/event/{sent['event_id']}")
    assert event["content"] == {"msgtype": "m.text", "body": body, "n": 2**53 - 1, body[:9]: [-(2**53) + 1]}
