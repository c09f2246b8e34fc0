"""Archives of what an account has here."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest

from matrix_app.media.store import media_store
from matrix_app.protocol.errors import Conflict, LimitExceeded, NotFound
from matrix_app.services import deactivate, long_tasks
from matrix_app.services.account_export import requests, room_files, task, uploads
from matrix_app.services.account_export.archive import Entry, Part
from matrix_app.services.account_export.progress import Options
from matrix_app.services.audit import CLI, Actor
from matrix_app.services.long_tasks import LongTask
from matrix_app.services.stray_media import remove_strays
from matrix_app.storage import account_exports, accounts, audit, db
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.client import Client, ClientFactory
from tests.factories.media import upload
from tests.factories.rooms import StoredRoom

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person() -> Account:
    return make_account("pia", email="pia@example.org")


@pytest.fixture
def pia(person: Account, clients: ClientFactory) -> Client:
    return clients.sign_in(person)


def made(account: Account, options: Options | None = None, *, for_admins: bool = False) -> ZipFile:
    """The archive of an account, made and fetched."""
    nid = requests.ask(Actor(account.user_nid, "page"), account, options or Options(), for_admins=for_admins)
    long_tasks.run(nid)
    found = stored_tasks.find(nid)
    assert found is not None
    assert (found.state, found.error) == ("done", "")
    return fetched(account, for_admins=for_admins)


def fetched(account: Account, *, for_admins: bool = False) -> ZipFile:
    archive = requests.fetch(CLI, account, for_admins=for_admins)
    content = read_all(archive.open())
    assert len(content) == archive.size
    opened = ZipFile(io.BytesIO(content))
    assert opened.testzip() is None
    return opened


def read_all(file: Any) -> bytes:
    chunks = []
    while chunk := file.read(1000):
        chunks.append(chunk)
    return b"".join(chunks)


def places_of(export_nid: int) -> list[str]:
    """Where the parts of an archive are in the store."""
    return [part.location for part in account_exports.parts(export_nid)]


def messages(archive: ZipFile, suffix: str = ".json") -> list[Any]:
    # By the numbers of rooms, which need not have as many digits as each other.
    names = sorted(
        (name for name in archive.namelist() if "/messages-" in name and name.endswith(suffix)),
        key=lambda name: [int(number) for number in re.findall(r"\d+", name)],
    )
    return [event for name in names for event in json.loads(archive.read(name))]


def bodies(archive: ZipFile) -> list[str]:
    return [event["content"]["body"] for event in messages(archive) if "body" in event["content"]]


def test_it_has_the_account_its_devices_and_its_data(person: Account, pia: Client) -> None:
    pia.put(f"/profile/{pia.user_id}/displayname", {"displayname": "Pia"})
    pia.put(f"/user/{pia.user_id}/account_data/org.example", {"a": 1})
    archive = made(person)
    account = json.loads(archive.read("account/account.json"))
    assert account["user_id"] == person.user_id
    assert account["profile"] == {"displayname": "Pia"}
    assert [entry["address"] for entry in account["threepids"]] == ["pia@example.org"]
    assert [entry["device_id"] for entry in json.loads(archive.read("account/devices.json"))] == [
        pia.requester.device_id
    ]
    assert json.loads(archive.read("account/account_data.json"))["org.example"] == {"a": 1}
    log = json.loads(archive.read("account/log.json"))
    assert "account.export" in [entry["action"] for entry in log["by_the_user"]]
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert str(person.password_hash).encode() not in everything
    assert pia.token.encode() not in everything


def test_it_has_what_the_user_wrote_and_not_what_others_wrote(
    person: Account, pia: Client, clients: ClientFactory
) -> None:
    otto = clients.make("otto")
    room_id = pia.create_room(preset="public_chat", name="Kitchen")
    otto.change(room_id, "join")
    pia.send(room_id, "mine")
    otto.send(room_id, "not mine")
    archive = made(person)
    assert bodies(archive) == ["mine"]
    [page] = [name for name in archive.namelist() if name.endswith("/index.html") and "rooms/" in name]
    assert "Kitchen" in archive.read(page).decode()
    assert "Kitchen" in archive.read("index.html").decode()
    room = json.loads(archive.read(page.replace("index.html", "room.json")))
    assert (room["room_id"], room["membership"]) == (room_id, "join")


def test_it_has_what_others_wrote_where_that_is_wanted_and_may_be_read(
    person: Account, pia: Client, clients: ClientFactory
) -> None:
    otto = clients.make("otto")
    room_id = otto.create_room(preset="public_chat")
    otto.set_state(room_id, "m.room.history_visibility", {"history_visibility": "joined"})
    otto.send(room_id, "before")
    pia.change(room_id, "join")
    otto.send(room_id, "hello Pia")
    pia.send(room_id, "hello Otto")
    pia.change(room_id, "leave")
    otto.send(room_id, "after")
    assert bodies(made(person, Options(history=True))) == ["hello Pia", "hello Otto"]


def test_a_room_that_anybody_may_read_is_not_taken_along_by_who_is_not_in_it(
    person: Account, pia: Client, clients: ClientFactory
) -> None:
    otto = clients.make("otto")
    room_id = otto.create_room(preset="public_chat")
    otto.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    otto.change(room_id, "invite", user_id=pia.user_id)
    otto.send(room_id, "for everybody")
    assert bodies(made(person, Options(history=True))) == []


def test_removed_messages_stay_removed_and_encrypted_ones_encrypted(person: Account, pia: Client) -> None:
    room_id = pia.create_room()
    event_id = pia.send(room_id, "regretted").body["event_id"]
    pia.put(f"/rooms/{quote(room_id)}/redact/{quote(event_id)}/t", {})
    content = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEn", "session_id": "s"}
    pia.put(f"/rooms/{quote(room_id)}/send/m.room.encrypted/e", content)
    archive = made(person)
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "regretted" not in everything
    assert [
        event["content"]["ciphertext"] for event in messages(archive) if event["type"].endswith("encrypted")
    ] == ["AwgAEn"]
    [page] = [name for name in archive.namelist() if name.endswith("messages-0001.html")]
    assert "encrypted message" in archive.read(page).decode()
    assert "removed message" in archive.read(page).decode()
    assert "the server cannot read them" in archive.read("index.html").decode()


def test_pages_run_nothing_that_somebody_wrote(person: Account, pia: Client) -> None:
    evil = '<script>alert("1")</script><img src=x onerror=alert(2)>'
    room_id = pia.create_room(name=evil, topic=evil)
    pia.send(room_id, evil)
    upload(pia, b"x", "text/plain", "<b>bold<b>.txt")
    archive = made(person)
    for name in archive.namelist():
        if name.endswith(".html"):
            text = archive.read(name).decode()
            assert "<script" not in text
            assert "<img" not in text
            assert "<b>bold" not in text
            assert "default-src 'none'" in text


def test_files_are_taken_along_under_names_that_every_system_can_write(person: Account, pia: Client) -> None:
    place = upload(pia, b"picture" * 100, "image/png", "../../etc/pass:wd.png")
    media_id = place.partition("/")[2]
    archive = made(person)
    [listed] = json.loads(archive.read("media/list-0001.json"))
    assert listed["url"] == f"mxc://{place}"
    assert archive.read(listed["path"]) == b"picture" * 100
    assert listed["path"].startswith(f"media/{media_id}/")
    assert all(".." not in name.split("/") and not name.startswith("/") for name in archive.namelist())


def test_files_are_left_out_where_that_is_wanted_or_they_are_in_quarantine(
    person: Account, pia: Client
) -> None:
    first = upload(pia, b"one", "text/plain", "one.txt")
    upload(pia, b"two", "text/plain", "two.txt")
    with db.write():
        db.execute("UPDATE media SET quarantined_ts = 1 WHERE media_id = %s", (first.partition("/")[2],))
    listed = json.loads(made(person).read("media/list-0001.json"))
    assert [(entry["quarantined"], entry["path"] is None) for entry in listed] == [
        (True, True),
        (False, False),
    ]
    requests.remove(CLI, person, for_admins=False)
    listed = json.loads(made(person, Options(media=False)).read("media/list-0001.json"))
    assert [entry["path"] for entry in listed] == [None, None]


def backed_up(pia: Client, count: int) -> None:
    body = {"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "p"}}
    version = pia.post("/room_keys/version", body).body["version"]
    key = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": {"c": "x"}}
    rooms = {"!r:x": {"sessions": {f"s{number:03}": key for number in range(count)}}}
    assert pia.put(f"/room_keys/keys?version={version}", {"rooms": rooms}).status == 200


def test_sealed_keys_go_to_their_user_and_nobody_else(
    person: Account, pia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matrix_app.services.account_export import keys

    monkeypatch.setattr(keys, "PAGE", 2)
    backed_up(pia, 5)
    pia.put(f"/user/{pia.user_id}/account_data/m.secret_storage.key.x", {"iv": "sealed"})
    archive = made(person)
    found = [name for name in archive.namelist() if name.startswith("keys/keys-")]
    sessions = [key["session_id"] for name in sorted(found) for key in json.loads(archive.read(name))]
    assert sessions == [f"s{number:03}" for number in range(5)]
    assert "m.secret_storage.key.x" in json.loads(archive.read("account/account_data.json"))
    other = made(person, Options(sealed=False), for_admins=True)
    assert [name for name in other.namelist() if name.startswith("keys/")] == []
    assert "m.secret_storage.key.x" not in json.loads(other.read("account/account_data.json"))


@pytest.mark.parametrize("history", [False, True])
def test_it_is_whole_whatever_the_pieces_and_wherever_workers_end(
    person: Account, pia: Client, monkeypatch: pytest.MonkeyPatch, history: bool
) -> None:
    monkeypatch.setattr(task, "PART_BYTES", 1)
    monkeypatch.setattr(room_files, "PAGE", 3)
    monkeypatch.setattr(room_files, "SPAN", 4)
    monkeypatch.setattr(uploads, "PAGE", 2)
    for name in ("one", "two"):
        room = pia.create_room(name=name)
        for number in range(10):
            pia.send(room, f"{name} {number}")
    for number in range(5):
        upload(pia, bytes([number]) * 50, "text/plain", "same.txt")
    nid = requests.ask(CLI, person, Options(history=history), for_admins=False)
    pieces = 0
    while True:
        row = stored_tasks.find(nid)
        assert row is not None
        # Every piece is done twice: the worker ended before it could note the first.
        if task.make_part(LongTask(row)):
            break
        pieces += 1
    assert pieces > 10
    archive = fetched(person)
    assert bodies(archive) == [f"{name} {number}" for name in ("one", "two") for number in range(10)]
    assert len([name for name in archive.namelist() if name.endswith("same.txt")]) == 5
    assert len(set(archive.namelist())) == len(archive.namelist())


def test_a_part_of_it_can_be_fetched(person: Account, pia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "PART_BYTES", 1)
    upload(pia, b"x" * 5000, "text/plain", "x.txt")
    made(person)
    archive = requests.fetch(CLI, person, for_admins=False)
    whole = read_all(archive.open())
    assert len(archive.parts) > 2
    for offset in (0, 1, archive.parts[0].size - 1, archive.parts[0].size, archive.size - 1):
        assert read_all(archive.open(offset)) == whole[offset:]
        assert read_all(archive.open(offset, 7)) == whole[offset : offset + 7]


def test_offsets_beyond_four_gibibytes_are_right(tmp_path: Path) -> None:
    start = 5 << 30
    with Part(start) as first:
        first.add("one.txt", "one")
        entries = first.finish()
        content = first.file.read()
    assert entries[0].offset == start
    with Part(start + len(content)) as last:
        last.copy("two.bin", io.BytesIO(b"2" * 3_000_000), 3_000_000)
        last.close_archive([Entry(*entry) for entry in entries])
        rest = last.file.read()
    whole = tmp_path / "whole.zip"
    with whole.open("wb") as file:
        file.truncate(start)
        file.seek(start)
        file.write(content + rest)
    with ZipFile(whole) as archive:
        assert archive.namelist() == ["one.txt", "two.bin"]
        assert archive.read("one.txt") == b"one"
        assert archive.read("two.bin") == b"2" * 3_000_000


def test_one_is_made_at_a_time_and_one_in_an_hour(person: Account, pia: Client) -> None:
    nid = requests.ask(CLI, person, Options(), for_admins=False)
    with pytest.raises(Conflict):
        requests.ask(CLI, person, Options(), for_admins=False)
    long_tasks.run(nid)
    with pytest.raises(LimitExceeded):
        requests.ask(CLI, person, Options(), for_admins=False)
    requests.ask(CLI, person, Options(), for_admins=True)
    with db.write():
        db.execute("UPDATE account_export SET created_ts = created_ts - 3600001")
    requests.ask(CLI, person, Options(), for_admins=False)
    assert len(account_exports.of_user(person.user_nid)) == 2


def test_a_cancelled_one_leaves_nothing(
    person: Account, pia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "PART_BYTES", 1)
    nid = requests.ask(CLI, person, Options(), for_admins=False)
    row = stored_tasks.find(nid)
    assert row is not None
    task.make_part(LongTask(row))
    requests.cancel(CLI, person.user_nid, for_admins=False)
    long_tasks.run(nid)
    found = requests.latest(person.user_nid, for_admins=False)
    assert found is not None
    assert not found.is_ready
    with pytest.raises(NotFound):
        requests.fetch(CLI, person, for_admins=False)
    places = places_of(found.row.nid)
    assert places
    assert requests.remove_expired() == 1
    assert [place for place in places if media_store().size(place) is not None] == []


def test_it_goes_when_its_time_is_over(person: Account, pia: Client) -> None:
    made(person)
    remove_strays(older_than_ms=-1000)
    found = requests.latest(person.user_nid, for_admins=False)
    assert found is not None
    places = places_of(found.row.nid)
    assert [place for place in places if media_store().size(place) is None] == []
    with db.write():
        db.execute("UPDATE account_export SET expires_ts = 1")
    with pytest.raises(NotFound):
        requests.fetch(CLI, person, for_admins=False)
    requests.remove_expired()
    assert [place for place in places if media_store().size(place) is not None] == []
    assert account_exports.of_user(person.user_nid) == []


def test_it_goes_with_the_account(person: Account, pia: Client) -> None:
    made(person)
    deactivate.deactivate(person.user_id, person.user_nid, erase=False)
    assert account_exports.of_user(person.user_nid) == []
    ended = accounts.get(person.user_nid)
    assert ended is not None
    # An administrator can still answer who asks for their data afterwards.
    assert "account/account.json" in made(ended, for_admins=True).namelist()


def test_asking_and_fetching_are_in_the_log(person: Account, pia: Client) -> None:
    made(person, for_admins=True)
    actions = [row.action for row in audit.page(before=None, limit=5)]
    assert {"user.export", "user.export_fetch"} <= set(actions)


def test_it_is_in_the_language_of_who_asked(person: Account, pia: Client) -> None:
    archive = made(person, Options(language="de"))
    text = archive.read("index.html").decode()
    assert '<html lang="de">' in text
    assert "Hochgeladene Dateien" in text


def test_events_of_rooms_that_are_not_the_users_own_are_found_by_their_sender(person: Account) -> None:
    room = StoredRoom(members=[person.user_id])
    room.message(person.user_id, "by me")
    room.message(room.creator, "by another")
    assert bodies(made(person)) == ["by me"]
