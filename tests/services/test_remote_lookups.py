"""Asking other servers for profiles, aliases and directories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from matrix_app.protocol.errors import NotFound, RemoteError, RemoteUnreachable
from matrix_app.services import remote_directory, remote_profiles
from matrix_app.storage import db, interning, profiles

USER = "@zoe:other.example"
ALIAS = "#room:other.example"
ROOM = "!room:other.example"


class Servers:
    """Answers every request in the same way."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.requests: list[tuple[str, str, str, dict[str, Any]]] = []

    def request(
        self, destination: str, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Any:
        self.requests.append((destination, method, path, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


fake = Servers()


@pytest.fixture
def servers() -> Iterator[Servers]:
    """The other servers, which the services under test ask."""
    fake.requests.clear()
    with override_settings(REMOTE_SERVERS=f"{__name__}.fake"):
        yield fake


UNREACHABLE = RemoteUnreachable("gone")
REFUSED = RemoteError("other.example", 403, {})
UNKNOWN = RemoteError("other.example", 404, {"errcode": "M_NOT_FOUND"})


def test_a_profile_is_what_the_server_of_the_user_tells(servers: Servers) -> None:
    servers.answer = {"displayname": "Zoe"}
    assert remote_profiles.profile_of(USER) == {"displayname": "Zoe"}
    path = "/_matrix/federation/v1/query/profile"
    assert servers.requests == [("other.example", "GET", path, {"query": {"user_id": USER}})]


def test_a_name_that_a_server_tells_to_be_null_is_none(servers: Servers) -> None:
    servers.answer = {"displayname": None, "m.tz": "Europe/Berlin"}
    assert remote_profiles.profile_of(USER) == {"m.tz": "Europe/Berlin"}


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [UNREACHABLE, REFUSED, []])
def test_a_profile_that_is_known_here_stands_in_for_no_answer(servers: Servers, answer: Any) -> None:
    servers.answer = answer
    with pytest.raises(NotFound):
        remote_profiles.profile_of(USER)
    with db.write():
        profiles.put_field(interning.user_nid(USER), "displayname", "Zoe then")
    assert remote_profiles.profile_of(USER) == {"displayname": "Zoe then"}


@pytest.mark.django_db
def test_a_server_is_believed_that_its_user_does_not_exist(servers: Servers) -> None:
    servers.answer = UNKNOWN
    with db.write():
        profiles.put_field(interning.user_nid(USER), "displayname", "Zoe then")
    with pytest.raises(NotFound):
        remote_profiles.profile_of(USER)


def test_an_alias_is_looked_up_at_its_server(servers: Servers) -> None:
    servers.answer = {"room_id": ROOM, "servers": ["other.example", 5, "no name"]}
    assert remote_directory.resolve(ALIAS) == (ROOM, ["other.example"])
    assert servers.requests[0][3] == {"query": {"room_alias": ALIAS}}


@pytest.mark.parametrize(
    "answer",
    [
        UNREACHABLE,
        REFUSED,
        UNKNOWN,
        [],
        {"room_id": ROOM},
        {"room_id": 5, "servers": []},
        {"room_id": "room", "servers": []},
    ],
)
def test_an_alias_that_its_server_does_not_tell_is_not_found(servers: Servers, answer: Any) -> None:
    servers.answer = answer
    with pytest.raises(NotFound):
        remote_directory.resolve(ALIAS)


def test_the_directory_of_another_server_is_passed_on(servers: Servers) -> None:
    servers.answer = {"chunk": [{"room_id": ROOM}], "next_batch": "n"}
    assert remote_directory.published_rooms("other.example", {"limit": 5}) == servers.answer
    path = "/_matrix/federation/v1/publicRooms"
    assert servers.requests == [("other.example", "POST", path, {"content": {"limit": 5}})]


@pytest.mark.parametrize("answer", [UNREACHABLE, REFUSED, [], {"chunk": {}}])
def test_a_directory_that_cannot_be_read_is_not_found(servers: Servers, answer: Any) -> None:
    servers.answer = answer
    with pytest.raises(NotFound):
        remote_directory.published_rooms("other.example", {})
