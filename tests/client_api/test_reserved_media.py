"""IDs that are made before there is anything to upload."""

from __future__ import annotations

import io
import threading

import pytest
from django.db import connection

from appliance.config import get_config
from matrix_app.protocol.errors import NotFound
from matrix_app.services import upload_media
from matrix_app.services.upload_media import Upload
from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from tests.factories.client import Client, ClientFactory
from tests.factories.media import Raw, download, send


def reserve(client: Client) -> str:
    """The part of the URI behind the slashes."""
    answer = send(client, "POST", "/_matrix/media/v1/create", b"{}", "application/json")
    assert answer.status == 200, answer
    assert 0 < answer.json["unused_expires_at"] - now_ms() <= 24 * 3_600_000
    uri: str = answer.json["content_uri"]
    return uri.removeprefix("mxc://")


def put(client: Client, place: str, content: bytes = b"abc") -> Raw:
    return send(client, "PUT", f"/_matrix/media/v3/upload/{place}", content, "text/plain")


def test_a_reserved_id_is_uploaded_to_once(clients: ClientFactory) -> None:
    alice = clients.make()
    place = reserve(alice)
    early = download(alice, f"{place}?timeout_ms=0")
    assert (early.status, early.errcode) == (504, "M_NOT_YET_UPLOADED")
    assert put(alice, place).json == {}
    assert download(alice, place).content == b"abc"
    again = put(alice, place, b"other")
    assert (again.status, again.errcode) == (409, "M_CANNOT_OVERWRITE_MEDIA")
    assert download(alice, place).content == b"abc"


def test_a_download_waits_for_the_upload(clients: ClientFactory) -> None:
    alice = clients.make()
    place = reserve(alice)

    def later() -> None:
        try:
            put(alice, place)
        finally:
            connection.close()

    uploading = threading.Timer(0.3, later)
    uploading.start()
    found = download(alice, f"{place}?timeout_ms=10000")
    uploading.join()
    assert (found.status, found.content) == (200, b"abc")


def test_only_who_made_an_id_may_upload_to_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    place = reserve(alice)
    assert put(bob, place).errcode == "M_FORBIDDEN"
    assert put(alice, "hearth.example/unknown").errcode == "M_NOT_FOUND"
    assert put(alice, "elsewhere.example/unknown").errcode == "M_NOT_FOUND"


def test_an_id_that_was_not_used_in_time_is_gone(clients: ClientFactory) -> None:
    alice = clients.make()
    place = reserve(alice)
    with db.write():
        db.execute("UPDATE media SET expires_ts = %s", (now_ms() - 1,))
    assert put(alice, place).errcode == "M_NOT_FOUND"
    assert download(alice, place).errcode == "M_NOT_FOUND"


def test_a_user_has_only_so_many_ids_waiting(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    for _ in range(get_config().media.max_pending_uploads):
        upload_media.reserve(alice.requester)
    refused = send(alice, "POST", "/_matrix/media/v1/create", b"", "application/json")
    assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
    assert reserve(bob)


class Removing(io.BytesIO):
    """A file that arrives so slowly that the ID it is for is removed meanwhile."""

    def read(self, size: int | None = -1, /) -> bytes:
        with db.write():
            db.execute("DELETE FROM media")
        return super().read(size)


def test_an_upload_that_ends_after_its_id_is_gone_is_told_so(clients: ClientFactory) -> None:
    alice = clients.make()
    mxc = upload_media.reserve(alice.requester).mxc
    with pytest.raises(NotFound):
        upload_media.upload_reserved(alice.requester, mxc, Upload(Removing(b"abc"), 3, None, None))
