"""How administrators look after media, as the tools that were made for Synapse do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from matrix_app.media.store import media_store
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.services import fetches
from matrix_app.services.audit import CLI
from matrix_app.services.fetches import RemoteFile
from matrix_app.services.quarantine_media import block_file, unblock_file
from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from tests.factories import offline
from tests.factories.client import Client, ClientFactory
from tests.factories.media import download, picture, send, upload
from tests.factories.offline import OfflineMedia
from tests.factories.statements import recorded

V1 = "/_synapse/admin/v1"
PNG = picture(20, 10)
REMOTE = "a.example/abc"


@pytest.fixture
def admin(clients: ClientFactory) -> Client:
    return clients.make(admin=True)


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make("alice")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineMedia]:
    """Another server with a picture."""
    fetches.fetches.cache_clear()
    made = OfflineMedia()
    made.files[Mxc(ServerName("a.example"), "abc")] = (picture(8, 8), RemoteFile("image/png", None))
    monkeypatch.setattr(offline, "media", made)
    yield made
    fetches.fetches.cache_clear()


def files() -> set[str]:
    return {file.location for file in media_store().files()}


def last_action() -> str:
    return str(db.value("SELECT action FROM audit_entry ORDER BY nid DESC LIMIT 1"))


def test_nobody_else_may(alice: Client) -> None:
    place = upload(alice, PNG)
    assert alice.post(f"{V1}/media/quarantine/{place}").errcode == "M_FORBIDDEN"
    assert alice.delete(f"{V1}/media/{place}").errcode == "M_FORBIDDEN"
    assert alice.post(f"{V1}/purge_media_cache?before_ts={now_ms()}").errcode == "M_FORBIDDEN"
    assert alice.get(f"{V1}/users/{alice.user_id}/media").errcode == "M_FORBIDDEN"


def test_what_is_quarantined_is_served_to_no_user(admin: Client, alice: Client) -> None:
    place = upload(alice, PNG)
    assert admin.post(f"{V1}/media/quarantine/{place}").body == {}
    assert download(alice, place).errcode == "M_NOT_FOUND"
    assert send(alice, "GET", f"/_matrix/client/v1/media/thumbnail/{place}?width=9&height=9").status == 404
    bypass = f"{place}?admin_unsafely_bypass_quarantine=true"
    assert download(alice, bypass).status == 404
    assert download(admin, bypass).content == PNG
    assert admin.get(f"{V1}/media/{place}").body["media_info"]["quarantined_by"] == admin.user_id
    assert admin.post(f"{V1}/media/unquarantine/{place}").body == {}
    assert download(alice, place).content == PNG


def test_the_same_file_is_quarantined_with_it_and_not_taken_again(
    admin: Client, alice: Client, clients: ClientFactory
) -> None:
    bob = clients.make()
    first, second = upload(alice, PNG), upload(bob, PNG)
    admin.post(f"{V1}/media/quarantine/{first}")
    assert download(bob, second).status == 404
    refused = send(bob, "POST", "/_matrix/media/v3/upload", PNG, "image/png")
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
    admin.post(f"{V1}/media/unquarantine/{second}")
    assert download(alice, first).status == 200


def test_protected_media_are_not_quarantined(admin: Client, alice: Client) -> None:
    place = upload(alice, PNG)
    media_id = place.partition("/")[2]
    assert admin.post(f"{V1}/media/protect/{media_id}").body == {}
    admin.post(f"{V1}/media/quarantine/{place}")
    assert admin.post(f"{V1}/user/{alice.user_id}/media/quarantine").body == {"num_quarantined": 0}
    assert download(alice, place).status == 200
    assert admin.get(f"{V1}/media/{place}").body["media_info"]["safe_from_quarantine"] is True
    admin.post(f"{V1}/media/unprotect/{media_id}")
    assert admin.post(f"{V1}/user/{alice.user_id}/media/quarantine").body == {"num_quarantined": 1}
    assert download(alice, place).status == 404
    assert admin.post(f"{V1}/media/protect/unknown").errcode == "M_NOT_FOUND"


def test_media_of_other_servers_are_quarantined_before_they_come(
    admin: Client, alice: Client, elsewhere: OfflineMedia
) -> None:
    admin.post(f"{V1}/media/quarantine/{REMOTE}")
    assert download(alice, REMOTE).status == 404
    assert elsewhere.asked == []
    admin.post(f"{V1}/media/unquarantine/{REMOTE}")
    assert download(alice, REMOTE).status == 200
    admin.post(f"{V1}/media/quarantine/{REMOTE}")
    assert download(alice, REMOTE).status == 404
    assert len(elsewhere.asked) == 1


def test_all_media_of_a_room_are_found_and_quarantined(
    admin: Client, alice: Client, elsewhere: OfflineMedia
) -> None:
    room_id = alice.create_room()
    avatar, sent, other = (upload(alice, picture(9 + n, 9)) for n in range(3))
    assert download(alice, REMOTE).status == 200
    alice.set_state(room_id, "m.room.avatar", {"url": f"mxc://{avatar}"})
    thumbnail = {"thumbnail_url": f"mxc://{REMOTE}", "deep": [[{"x": "mxc://../../etc/passwd"}]]}
    body = {"msgtype": "m.image", "body": "x", "url": f"mxc://{sent}", "info": thumbnail}
    alice.put(f"/rooms/{room_id}/send/m.room.message/1", body)
    alice.put(f"/rooms/{room_id}/send/m.room.message/2", {"msgtype": "m.text", "body": f"mxc://{other} !"})
    found = admin.get(f"{V1}/room/{room_id}/media").body
    assert found == {"local": sorted([f"mxc://{avatar}", f"mxc://{sent}"]), "remote": [f"mxc://{REMOTE}"]}
    assert admin.post(f"{V1}/room/{room_id}/media/quarantine").body == {"num_quarantined": 3}
    assert admin.post(f"{V1}/quarantine_media/{room_id}").body == {"num_quarantined": 0}
    assert [download(alice, place).status for place in (avatar, sent, REMOTE, other)] == [404, 404, 404, 200]
    assert last_action() == "media.quarantine_of_room"


def test_one_file_is_removed_with_its_thumbnails(admin: Client, alice: Client) -> None:
    before = files()
    place = upload(alice, picture(700, 500))
    kept = upload(alice, picture(701, 500))
    with_one = files()
    for one in (place, kept):
        path = f"/_matrix/client/v1/media/thumbnail/{one}?width=30&height=30&method=crop"
        assert send(alice, "GET", path).status == 200
    assert len(files()) == len(with_one) + 2
    assert admin.delete(f"{V1}/media/{place}").body == {
        "deleted_media": [place.partition("/")[2]],
        "total": 1,
    }
    assert len(files()) == len(before) + 2
    assert (download(alice, place).status, download(alice, kept).status) == (404, 200)
    assert admin.delete(f"{V1}/media/{place}").errcode == "M_NOT_FOUND"
    assert admin.delete(f"{V1}/media/elsewhere.example/abc").errcode == "M_INVALID_PARAM"


def test_a_file_stays_as_long_as_somebody_else_uploaded_it_too(
    admin: Client, alice: Client, clients: ClientFactory
) -> None:
    bob = clients.make()
    content = picture(33, 44)
    first, second = upload(alice, content), upload(bob, content)
    admin.delete(f"{V1}/media/{first}")
    assert (download(bob, first).status, download(bob, second).content) == (404, content)
    admin.delete(f"{V1}/media/{second}")
    assert db.value("SELECT count(*) FROM media_removal") == 0


def use(place: str, ts: int) -> None:
    with db.write():
        sql = "UPDATE media SET last_used_ts = %s WHERE media_id = %s"
        db.execute(sql, (ts, place.partition("/")[2]))


def test_old_and_large_files_are_removed_but_portraits_stay(admin: Client, alice: Client) -> None:
    places = [upload(alice, b"x" * (10 * n)) for n in range(1, 6)]
    for place in places[:4]:
        use(place, now_ms() - 10_000)
    alice.put(f"/profile/{alice.user_id}/avatar_url", {"avatar_url": f"mxc://{places[1]}"})
    room_id = alice.create_room()
    alice.set_state(room_id, "m.room.avatar", {"url": f"mxc://{places[2]}"})
    before = now_ms() - 5000
    done = admin.post(f"{V1}/media/delete?before_ts={before}&size_gt=10").body
    assert done == {"deleted_media": [places[3].partition("/")[2]], "total": 1}
    done = admin.post(f"{V1}/media/hearth.example/delete?before_ts={before}&keep_profiles=false").body
    assert done["total"] == 3
    assert [download(alice, place).status for place in places] == [404, 404, 404, 404, 200]
    assert admin.post(f"{V1}/media/delete?before_ts=1700000000").errcode == "M_INVALID_PARAM"
    assert admin.post(f"{V1}/media/delete").errcode == "M_MISSING_PARAM"


def test_media_of_other_servers_are_purged_but_for_the_quarantined(
    admin: Client, alice: Client, elsewhere: OfflineMedia
) -> None:
    elsewhere.files[Mxc(ServerName("a.example"), "bad")] = (picture(7, 7), RemoteFile("image/png", None))
    for place in (REMOTE, "a.example/bad"):
        assert download(alice, place).status == 200
    mine = upload(alice, PNG)
    admin.post(f"{V1}/media/quarantine/a.example/bad")
    later = now_ms() + 1000
    assert admin.post(f"{V1}/purge_media_cache?before_ts={later}").body == {"deleted": 1}
    assert download(alice, mine).status == 200
    asked = len(elsewhere.asked)
    assert (download(alice, REMOTE).status, download(alice, "a.example/bad").status) == (200, 404)
    assert len(elsewhere.asked) == asked + 1


def test_the_media_of_a_user_are_listed_and_removed(admin: Client, alice: Client) -> None:
    places = [upload(alice, b"x" * (10 - n), "text/plain", f"{n}.txt") for n in range(5)]
    ids = [place.partition("/")[2] for place in places]
    path = f"{V1}/users/{alice.user_id}/media"
    page = admin.get(f"{path}?limit=2&order_by=media_length").body
    assert (page["total"], page["next_token"]) == (5, 2)
    assert [entry["media_id"] for entry in page["media"]] == [ids[4], ids[3]]
    first = page["media"][0]
    assert first["upload_name"] == "4.txt"
    assert first["media_length"] == 6
    assert first["media_type"] == "text/plain; charset=utf-8"
    assert (first["quarantined_by"], first["safe_from_quarantine"]) == (None, False)
    assert first["sha256"] == hashlib.sha256(b"x" * 6).hexdigest()
    rest = admin.get(f"{path}?from=2&order_by=media_length&dir=b").body
    assert "next_token" not in rest
    assert [entry["media_id"] for entry in rest["media"]] == [ids[2], ids[3], ids[4]]
    for wrong in ("order_by=nothing", "dir=x", "limit=0", "from=-1"):
        assert admin.get(f"{path}?{wrong}").errcode == "M_INVALID_PARAM"
    assert admin.get(f"{V1}/users/@nobody:hearth.example/media").errcode == "M_NOT_FOUND"
    done = admin.delete(f"{path}?limit=3&order_by=media_length").body
    assert done == {"deleted_media": [ids[4], ids[3], ids[2]], "total": 3}
    assert admin.get(path).body["total"] == 2


def test_statistics_tell_who_has_uploaded_how_much(
    admin: Client, alice: Client, clients: ClientFactory
) -> None:
    bob = clients.make("bob")
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "Ally"})
    for size in (10, 20):
        upload(alice, b"x" * size)
    upload(bob, b"y" * 100)
    path = f"{V1}/statistics/users/media"
    users = admin.get(path).body["users"]
    assert users == [
        {"user_id": alice.user_id, "displayname": "Ally", "media_count": 2, "media_length": 30},
        {"user_id": bob.user_id, "displayname": None, "media_count": 1, "media_length": 100},
    ]
    largest = admin.get(f"{path}?order_by=media_length&dir=b&limit=1").body
    assert [user["user_id"] for user in largest["users"]] == [bob.user_id]
    assert (largest["total"], largest["next_token"]) == (2, 1)
    found = admin.get(f"{path}?search_term=ALICE").body
    assert [user["user_id"] for user in found["users"]] == [alice.user_id]
    assert admin.get(f"{path}?search_term=%25").body["total"] == 0
    assert admin.get(f"{path}?until_ts=1").body == {"users": [], "total": 0}
    assert admin.get(f"{path}?from_ts=2&until_ts=1").errcode == "M_INVALID_PARAM"


def test_the_number_of_statements_does_not_grow_with_the_list(admin: Client, alice: Client) -> None:
    path = f"{V1}/users/{alice.user_id}/media"
    upload(alice, b"0")
    with recorded() as few:
        admin.get(path)
    for number in range(1, 8):
        upload(alice, b"%d" % number)
    with recorded() as many:
        admin.get(path)
    assert len(many) == len(few)


def test_a_file_is_blocked_by_its_hash(alice: Client) -> None:
    content = picture(51, 52)
    place = upload(alice, content)
    digest = hashlib.sha256(content).digest()
    block_file(CLI, digest, remove=True)
    assert download(alice, place).status == 404
    assert send(alice, "POST", "/_matrix/media/v3/upload", content, "image/png").status == 403
    unblock_file(CLI, digest)
    assert download(alice, place).status == 404
    upload(alice, content)
    assert download(alice, place).content == content
    assert last_action() == "media.unblock"
