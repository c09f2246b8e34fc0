"""Uploads and downloads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.config import Config
from matrix_app.media.store import media_store
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import store_media
from matrix_app.storage import db, media
from tests.factories.client import ClientFactory
from tests.factories.media import download, picture, send, upload
from tests.factories.settings import settings

PNG = picture(20, 10)


def stored(config: Config, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).digest()
    return config.media.dir / str(db.value("SELECT location FROM media_file WHERE sha256 = %s", (sha256,)))


def test_what_is_uploaded_comes_back_with_its_type_and_name(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    found = download(bob, upload(alice, PNG, "image/png", "my%20picture.png"))
    assert (found.status, found.content) == (200, PNG)
    assert found.headers["Content-Type"] == "image/png"
    assert found.headers["Content-Disposition"] == 'inline; filename="my picture.png"'
    assert found.headers["Content-Length"] == str(len(PNG))


def test_answers_keep_a_browser_from_running_anything(clients: ClientFactory) -> None:
    alice = clients.make()
    found = download(alice, upload(alice, b"<html><script>alert(1)</script>", "text/html"))
    assert found.headers["Content-Disposition"] == "attachment"
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; script-src 'none';")
    assert found.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert found.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_claims_to_be_something_else_is_not_shown(clients: ClientFactory) -> None:
    alice = clients.make()
    page = b"<!DOCTYPE html><script>alert(1)</script>"
    as_text = download(alice, upload(alice, page, "text/plain"))
    assert as_text.headers["Content-Type"] == "text/html; charset=utf-8"
    assert as_text.headers["Content-Disposition"] == "attachment"
    as_picture = download(alice, upload(alice, page, "image/png"))
    assert as_picture.headers["Content-Type"] == "application/octet-stream"
    assert as_picture.headers["Content-Disposition"] == "attachment"


def test_a_type_is_believed_unless_the_file_is_obviously_something_else(clients: ClientFactory) -> None:
    alice = clients.make()
    found = download(alice, upload(alice, b"hello world", "video/mp4"))
    assert found.headers["Content-Type"] == "video/mp4"
    assert found.headers["Content-Disposition"] == "inline"


def test_without_a_content_type_it_is_of_no_known_type(clients: ClientFactory) -> None:
    alice = clients.make()
    assert download(alice, upload(alice, b"abc", "")).headers["Content-Type"] == "application/octet-stream"


def test_the_name_in_the_path_replaces_the_name_of_the_upload(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, PNG, name="a.png")
    found = download(alice, f"{place}/%E2%98%95%22.png")
    assert found.headers["Content-Disposition"] == "inline; filename*=utf-8''%E2%98%95%22.png"


def test_the_same_file_is_stored_once(clients: ClientFactory, config: Config) -> None:
    alice, bob = clients.many(2)
    before = len(list(media_store().files()))
    places = {upload(alice, PNG), upload(bob, PNG)}
    assert len(places) == 2
    assert db.value("SELECT count(*) FROM media_file") == 1
    assert stored(config, PNG).read_bytes() == PNG
    assert len(list(media_store().files())) == before + 1


@pytest.mark.parametrize(
    ("asked", "status", "content", "span"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_range_can_be_asked_for(
    clients: ClientFactory, asked: str, status: int, content: bytes, span: str | None
) -> None:
    alice = clients.make()
    found = download(alice, upload(alice, b"0123456789", "text/csv"), Range=asked)
    assert (found.status, found.content, found.headers.get("Content-Range")) == (status, content, span)


def test_a_range_of_another_version_gives_the_whole(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, b"0123456789")
    tag = download(alice, place).headers["ETag"]
    assert download(alice, place, Range="bytes=1-2", If_Range=tag).status == 206
    assert download(alice, place, Range="bytes=1-2", If_Range='"other"').status == 200
    assert download(alice, place, If_None_Match=tag).status == 304


def test_who_asks_for_the_head_of_a_file_is_told_of_the_whole(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/_matrix/client/v1/media/download/{upload(alice, b'0123456789')}"
    found = send(alice, "HEAD", path, headers={"Range": "bytes=1-2"})
    assert (found.status, found.headers["Content-Length"]) == (200, "10")
    assert "Content-Range" not in found.headers


def test_a_file_larger_than_allowed_is_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    with settings(media={"max_upload_bytes": 10}):
        refused = send(alice, "POST", "/_matrix/media/v3/upload", b"x" * 11)
        assert (refused.status, refused.errcode) == (413, "M_TOO_LARGE")
        limits = alice.get("/_matrix/client/v1/media/config").body
        assert limits == alice.get("/_matrix/media/v3/config").body == {"m.upload.size": 10}


def test_a_user_cannot_upload_more_than_the_quota(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    with settings(media={"user_quota_bytes": 10}):
        upload(alice, b"x" * 6)
        refused = send(alice, "POST", "/_matrix/media/v3/upload", b"y" * 5)
        assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
        upload(bob, b"y" * 5)


def test_guests_and_the_suspended_cannot_upload_but_download(clients: ClientFactory) -> None:
    alice, guest, suspended = clients.make(), clients.make(guest=True), clients.make(suspended=True)
    place = upload(alice, PNG)
    for client in (guest, suspended):
        assert send(client, "POST", "/_matrix/media/v3/upload", b"x").status == 403
        assert download(client, place).status == 200
    assert download(None, place).errcode == "M_MISSING_TOKEN"


def test_the_endpoints_without_login_serve_only_what_is_from_before_the_freeze(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    place = upload(alice, PNG)
    path = f"/_matrix/media/v3/download/{place}"
    assert send(None, "GET", path).errcode == "M_NOT_FOUND"
    with db.write():
        db.execute("UPDATE media SET authenticated = %s", (False,))
    assert send(None, "GET", path).content == PNG
    assert send(None, "GET", f"/_matrix/media/r0/download/{place}/name.png").content == PNG
    with settings(media={"unauthenticated_downloads": False}):
        assert send(None, "GET", path).errcode == "M_NOT_FOUND"
        assert download(alice, place).content == PNG


def test_what_is_not_there_is_not_found(clients: ClientFactory) -> None:
    alice = clients.make()
    assert download(alice, "hearth.example/nothing").errcode == "M_NOT_FOUND"
    assert download(alice, "hearth.example/..%2Fx").errcode == "M_INVALID_PARAM"
    assert download(alice, "..%2Fhearth.example/x").errcode == "M_INVALID_PARAM"


def test_an_upload_that_is_refused_at_the_end_leaves_nothing(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    before = set(media_store().files())
    monkeypatch.setattr(media, "insert", _fail)
    assert send(alice, "POST", "/_matrix/media/v3/upload", b"refused at the end").status == 500
    assert set(media_store().files()) == before
    assert db.value("SELECT count(*) FROM media_file") == 0


def _fail(*_args: object, **_options: object) -> None:
    raise MatrixError("The database is not well")


def test_what_exceeds_the_quota_is_refused_before_it_is_stored(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_media, "media_store", _fail)
    with settings(media={"user_quota_bytes": 10}):
        refused = send(clients.make(), "POST", "/_matrix/media/v3/upload", b"y" * 11)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
