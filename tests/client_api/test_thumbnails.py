"""Small versions of pictures."""

from __future__ import annotations

import io
import zlib
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image

from appliance.config import Config
from matrix_app.media.thumbnailer import thumbnailer
from matrix_app.storage import db
from tests.factories.client import Client, ClientFactory
from tests.factories.media import Raw, animation, picture, send, upload
from tests.factories.settings import settings


def thumbnail(client: Client | None, place: str, version: str = "client/v1/media", **query: Any) -> Raw:
    return send(client, "GET", f"/_matrix/{version}/thumbnail/{place}?{urlencode(query)}")


def drawn(found: Raw) -> Image.Image:
    assert found.status == 200, found
    return Image.open(io.BytesIO(found.content))


@pytest.mark.parametrize(
    ("asked", "method", "size"),
    [
        ((10, 10), "crop", (32, 32)),
        ((96, 96), "crop", (96, 96)),
        ((97, 40), "crop", (320, 240)),
        ((300, 300), "crop", (320, 320)),
        ((300, 200), "scale", (320, 160)),
        ((640, 480), "scale", (640, 320)),
    ],
)
def test_sizes_are_rounded_up_to_those_that_are_made(
    clients: ClientFactory, asked: tuple[int, int], method: str, size: tuple[int, int]
) -> None:
    alice = clients.make()
    place = upload(alice, picture(1000, 500), "image/png")
    found = thumbnail(alice, place, width=asked[0], height=asked[1], method=method)
    assert drawn(found).size == size
    assert found.headers["Content-Type"] == "image/jpeg"
    assert found.headers["Content-Disposition"] == 'inline; filename="thumbnail.jpeg"'
    assert found.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_small_picture_is_served_as_it_is(clients: ClientFactory) -> None:
    alice = clients.make()
    small = picture(30, 20)
    place = upload(alice, small)
    for method in ("crop", "scale"):
        found = thumbnail(alice, place, width=32, height=32, method=method)
        assert (found.content, found.headers["Content-Type"]) == (small, "image/png")


def test_a_picture_that_is_small_in_one_direction_is_not_made_larger(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, picture(1000, 48))
    assert drawn(thumbnail(alice, place, width=96, height=96, method="crop")).size == (48, 48)
    assert drawn(thumbnail(alice, place, width=640, height=480)).size == (640, 31)


def test_beyond_the_largest_size_the_picture_itself_is_served(clients: ClientFactory) -> None:
    alice = clients.make()
    original = picture(1700, 20, "JPEG")
    place = upload(alice, original, "image/jpeg")
    assert thumbnail(alice, place, width=5000, height=5000).content == original


def test_what_is_transparent_stays_so(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, picture(500, 500, mode="RGBA"))
    found = thumbnail(alice, place, width=96, height=96, method="crop")
    assert (drawn(found).mode, found.headers["Content-Type"]) == ("RGBA", "image/png")


def test_a_turned_picture_is_turned_upright(clients: ClientFactory) -> None:
    alice = clients.make()
    exif = Image.Exif()
    exif[0x0112] = 6
    place = upload(alice, picture(1000, 500, "JPEG", exif=exif), "image/jpeg")
    found = drawn(thumbnail(alice, place, width=320, height=240))
    assert found.size == (120, 240)
    assert 0x0112 not in found.getexif()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_pictures_move_only_where_that_is_asked_for(clients: ClientFactory, kind: str) -> None:
    alice = clients.make()
    place = upload(alice, animation(400, 400, kind=kind), f"image/{kind.lower()}")
    moving = thumbnail(alice, place, width=96, height=96, method="crop", animated="true")
    assert (getattr(drawn(moving), "n_frames", 1), moving.headers["Content-Type"]) == (3, "image/webp")
    for query in ({}, {"animated": "false"}):
        still = thumbnail(alice, place, width=96, height=96, method="crop", **query)
        assert getattr(drawn(still), "n_frames", 1) == 1
    small = thumbnail(alice, place, width=640, height=480)
    assert getattr(drawn(small), "n_frames", 1) == 1


def test_a_thumbnail_is_drawn_once(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    first = thumbnail(alice, upload(alice, picture(501, 501)), width=96, height=96)
    with settings(media={"max_pixels": 1}):  # nothing can be drawn any more
        again = thumbnail(bob, upload(bob, picture(501, 501)), width=96, height=96)
    assert first.content == again.content


def test_a_thumbnail_that_the_disk_has_lost_is_drawn_again(clients: ClientFactory, config: Config) -> None:
    alice = clients.make()
    place = upload(alice, picture(502, 502))
    first = thumbnail(alice, place, width=96, height=96)
    lost = [file for file in (config.media.dir / "thumbnails").rglob("*") if file.is_file()]
    assert lost
    for file in lost:
        file.unlink()
    assert thumbnail(alice, place, width=96, height=96).content == first.content


@pytest.mark.parametrize(
    "content", [b"no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 50, picture(90, 90)[:-40], b"<svg/>"]
)
def test_what_is_no_picture_has_no_thumbnail(clients: ClientFactory, content: bytes) -> None:
    alice = clients.make()
    found = thumbnail(alice, upload(alice, content), width=32, height=32)
    assert (found.status, found.errcode) == (400, "M_UNKNOWN")


def test_what_cannot_be_drawn_is_tried_once_for_all_sizes(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    tried: list[Any] = []
    draw = thumbnailer().draw

    def counted(*given: Any) -> Any:
        tried.append(given)
        return draw(*given)

    monkeypatch.setattr(thumbnailer(), "draw", counted)
    place = upload(alice, b"\x89PNG\r\n\x1a\n" + b"y" * 50)
    for width in (32, 96, 320, 640):
        assert thumbnail(alice, place, width=width, height=width).status == 400
    assert len(tried) == 1


def test_a_picture_with_too_many_pixels_is_not_unpacked(clients: ClientFactory) -> None:
    alice = clients.make()
    bomb = bytearray(picture(9, 9))
    bomb[16:24] = (60_000).to_bytes(4) * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    found = thumbnail(alice, upload(alice, bytes(bomb)), width=32, height=32)
    assert (found.status, found.errcode) == (413, "M_TOO_LARGE")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"width": 10},
        {"width": "x", "height": 10},
        {"width": -1, "height": 10},
        {"width": 0, "height": 10},
        {"width": 10, "height": 10, "method": "stretch"},
        {"width": 10, "height": 10, "animated": "perhaps"},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(clients: ClientFactory, query: dict[str, Any]) -> None:
    alice = clients.make()
    assert thumbnail(alice, upload(alice, picture(9, 9)), **query).status == 400


def test_without_login_there_are_thumbnails_of_what_is_from_before_the_freeze(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, picture(9, 9))
    assert thumbnail(None, place, "media/v3", width=32, height=32).errcode == "M_NOT_FOUND"
    with db.write():
        db.execute("UPDATE media SET authenticated = %s", (False,))
    assert thumbnail(None, place, "media/v3", width=32, height=32).status == 200


@pytest.fixture(autouse=True, scope="module")
def _ended() -> object:
    yield
    thumbnailer().stop()
