"""Media of other servers, as clients here get them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from matrix_app.media.store import media_store
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.services import fetches
from matrix_app.services.fetches import RemoteFile
from matrix_app.storage import db, media_files
from matrix_app.storage.clock import now_ms
from tests.factories import offline
from tests.factories.client import ClientFactory
from tests.factories.media import download, picture, send, upload
from tests.factories.offline import OfflineMedia
from tests.factories.settings import settings

PNG = picture(40, 30)
MXC = Mxc(ServerName("a.example"), "abc")
PLACE = "a.example/abc"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineMedia]:
    """The media of other servers."""
    fetches.fetches.cache_clear()
    made = OfflineMedia()
    monkeypatch.setattr(offline, "media", made)
    yield made
    fetches.fetches.cache_clear()


def test_media_of_another_server_is_fetched_once(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", "a.png"))
    alice, bob = clients.many(2)
    for client in (alice, bob):
        found = download(client, PLACE)
        assert (found.status, found.content, found.headers["Content-Type"]) == (200, PNG, "image/png")
        assert found.headers["Content-Disposition"] == 'inline; filename="a.png"'
    assert elsewhere.asked == [MXC]


def test_a_client_may_say_that_it_is_not_to_be_fetched(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    alice = clients.make()
    assert download(alice, f"{PLACE}?allow_remote=false").errcode == "M_NOT_FOUND"
    assert elsewhere.asked == []
    assert download(alice, PLACE).content == PNG
    assert download(alice, f"{PLACE}?allow_remote=false").content == PNG


def test_what_cannot_be_had_is_not_asked_for_at_once_again(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    alice = clients.make()
    for _ in range(3):
        assert download(alice, PLACE).errcode == "M_NOT_FOUND"
    assert elsewhere.asked == [MXC]
    fetches.fetches.cache_clear()
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    assert download(alice, PLACE).content == PNG


def test_nobody_has_it_fetched_without_login(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    path = f"/_matrix/media/v3/download/{PLACE}"
    assert send(None, "GET", path).errcode == "M_NOT_FOUND"
    assert download(clients.make(), PLACE).status == 200
    assert send(None, "GET", path).errcode == "M_NOT_FOUND"
    assert elsewhere.asked == [MXC]


def test_without_the_freeze_anybody_does(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    path = f"/_matrix/media/v3/download/{PLACE}"
    with settings(media={"require_login": False}):
        assert send(None, "GET", f"{path}?allow_remote=false").errcode == "M_NOT_FOUND"
        assert send(None, "GET", path).content == PNG
        mine = upload(clients.make(), b"abc", "text/plain")
    assert send(None, "GET", f"/_matrix/media/v3/download/{mine}").content == b"abc"


def test_a_blocked_file_is_not_kept(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    digest = hashlib.sha256(PNG).digest()
    before = set(media_store().files())
    with db.write():
        media_files.set_blocked(digest, None, now_ms())
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    alice = clients.make()
    for _ in range(2):
        assert download(alice, PLACE).errcode == "M_NOT_FOUND"
    assert elsewhere.asked == [MXC]
    assert set(media_store().files()) == before


def test_what_was_lost_is_fetched_again(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    alice = clients.make()
    assert download(alice, PLACE).status == 200
    for file in list(media_store().files()):
        media_store().delete(file.location)
    assert download(alice, PLACE).errcode == "M_NOT_FOUND"
    assert download(alice, PLACE).content == PNG


def test_thumbnails_are_drawn_here(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (picture(400, 300), RemoteFile("image/png", None))
    path = f"/_matrix/client/v1/media/thumbnail/{PLACE}?width=30&height=30&method=crop"
    found = send(clients.make(), "GET", path)
    assert (found.status, found.headers["Content-Type"]) == (200, "image/jpeg")
    assert elsewhere.asked == [MXC]


def test_what_cannot_be_drawn_here_the_other_server_draws(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    elsewhere.files[MXC] = (b"\x1aE\xdf\xa3 a film", RemoteFile("video/webm", None))
    elsewhere.thumbnails[MXC] = PNG
    alice = clients.make()
    path = f"/_matrix/client/v1/media/thumbnail/{PLACE}?width=30&height=30&method=crop"
    for _ in range(2):
        found = send(alice, "GET", path)
        assert (found.status, found.content, found.headers["Content-Type"]) == (200, PNG, "image/png")
    assert elsewhere.asked == [MXC, MXC]


def test_another_servers_thumbnail_has_to_be_a_picture(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    elsewhere.files[MXC] = (b"\x1aE\xdf\xa3 a film", RemoteFile("video/webm", None))
    elsewhere.thumbnails[MXC] = b"<html><script>alert(1)</script>"
    path = f"/_matrix/client/v1/media/thumbnail/{PLACE}?width=30&height=30&method=crop"
    assert send(clients.make(), "GET", path).status == 502


def test_nothing_is_fetched_when_the_disk_is_full(clients: ClientFactory, elsewhere: OfflineMedia) -> None:
    elsewhere.files[MXC] = (PNG, RemoteFile("image/png", None))
    alice = clients.make()
    with settings(media={"keep_free_bytes": 1 << 60}):
        assert download(alice, PLACE).status == 503
        assert send(alice, "POST", "/_matrix/media/v3/upload", b"abc").status == 503
    assert elsewhere.asked == []
