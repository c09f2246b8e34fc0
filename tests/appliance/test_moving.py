"""Moving a real server's data to another database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.backup.errors import BackupError
from appliance.config import get_config
from appliance.moving import move_database
from tests.factories.commands import Someone, command, register
from tests.real_server import RealServer, engines, scratch_database


@pytest.fixture(params=engines())
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/elsewhere.sqlite3"
        return
    with scratch_database(os.environ["HEARTH_TEST_DATABASE"]) as url:
        yield url


def _say(server: RealServer, who: Someone, room: str, text: str) -> str:
    path = f"/rooms/{quote(room)}/send/m.room.message/{text}"
    body = {"msgtype": "m.text", "body": text}
    event_id: str = who.ask(server.base, "PUT", path, body)["event_id"]
    return event_id


@pytest.mark.slow
def test_a_server_goes_on_in_another_database_and_back_in_a_third(tmp_path: Path, target: str) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for folder in (first, second, third):
        folder.mkdir()
    with RealServer(first) as old:
        alice = register(old.base, "alice")
        room = alice.ask(old.base, "POST", "/createRoom", {"name": "Moving ü"})["room_id"]
        said = [_say(old, alice, room, f"m{number}") for number in range(3)]
        since = alice.ask(old.base, "GET", "/sync")["next_batch"]
    assert command(first, "move-database", "--to", target)["rows"] > 50
    same = {"server": {"name": f"127.0.0.1:{old.port}", "secrets_dir": str(first / "var" / "secrets")}}
    with RealServer(second, database_url=target, settings=same) as new:
        said.append(_say(new, alice, room, "new"))
        _has_all(new, alice, room, said, since)
    back = f"sqlite:///{tmp_path}/back.sqlite3"
    command(second, "move-database", "--to", back)
    with RealServer(third, database_url=back, settings=same) as last:
        said.append(_say(last, alice, room, "back"))
        _has_all(last, alice, room, said, since)
        found = alice.ask(
            last.base, "POST", "/search", {"search_categories": {"room_events": {"search_term": "m2"}}}
        )
        assert found["search_categories"]["room_events"]["count"] == 1, "the index is made again"


def _has_all(server: RealServer, who: Someone, room: str, said: list[str], since: str) -> None:
    for event_id in said:
        who.ask(server.base, "GET", f"/rooms/{quote(room)}/event/{quote(event_id)}")
    told = who.ask(server.base, "GET", f"/sync?timeout=0&since={since}")
    timeline = [event["event_id"] for event in told["rooms"]["join"][room]["timeline"]["events"]]
    assert timeline == said[3:], "what came after the token is told once, in its order"


def test_a_database_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "there.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    with pytest.raises(BackupError, match="name a new one"):
        move_database(get_config(), f"sqlite:///{file}", lambda *_told: None)
    with pytest.raises(BackupError, match="must begin with sqlite"):
        move_database(get_config(), "mysql://nowhere/x", lambda *_told: None)
