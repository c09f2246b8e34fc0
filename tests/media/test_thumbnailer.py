"""The process that draws thumbnails."""

from __future__ import annotations

import io
import os
import signal
import struct
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO

import pytest
from PIL import Image

from matrix_app.media.thumbnail_request import Drawn, Wanted
from matrix_app.media.thumbnailer import Thumbnailer
from tests.factories.media import picture

WANTED = Wanted(32, 32, "crop", False, 1_000_000)


@pytest.fixture
def drawer() -> Iterator[Thumbnailer]:
    made = Thumbnailer()
    yield made
    made.stop()


def file_of(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(content)
    file.seek(0)
    return file


def draw(drawer: Thumbnailer, content: bytes, wanted: Wanted = WANTED) -> tuple[Drawn, bytes]:
    with file_of(content) as source, tempfile.TemporaryFile() as target:
        drawn = drawer.draw(source, target, wanted)
        target.seek(0)
        return drawn, target.read()


def test_one_process_draws_many_and_another_takes_its_place_when_it_ended(drawer: Thumbnailer) -> None:
    for _ in range(2):
        drawn, content = draw(drawer, picture(90, 90))
        assert drawn == ("made", "image/jpeg")
        assert Image.open(io.BytesIO(content)).size == (32, 32)
    process = drawer._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert draw(drawer, picture(90, 90))[0].verdict == "unsupported"
    assert draw(drawer, picture(90, 90))[0].verdict == "made"


def test_what_takes_too_long_is_given_up() -> None:
    drawer = Thumbnailer(draw_seconds=0.01)
    try:
        assert draw(drawer, picture(3000, 3000), WANTED._replace(max_pixels=10_000_000))[0] == (
            "unsupported",
            "",
        )
        assert drawer._process is None
    finally:
        drawer.stop()


def test_an_animation_with_too_many_frames_to_keep_is_drawn_still(drawer: Thumbnailer) -> None:
    out = io.BytesIO()
    frames = [Image.new("L", (100, 100), number) for number in range(200)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    wanted = Wanted(96, 96, "crop", True, 1_000_000)
    assert draw(drawer, out.getvalue(), wanted)[0] == ("made", "image/jpeg")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_kind_are_drawn(drawer: Thumbnailer, mode: str) -> None:
    out = io.BytesIO()
    gradient = Image.linear_gradient("L")
    if mode == "I;16":
        gradient = gradient.convert("I").point(lambda value: value * 257)
    gradient.convert(mode).save(out, "PNG")
    drawn, content = draw(drawer, out.getvalue())
    assert drawn.verdict == "made"
    low, high = Image.open(io.BytesIO(content)).convert("L").getextrema()
    assert (low, high) == pytest.approx((0, 255), abs=16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_pictures_of_every_format_are_drawn(drawer: Thumbnailer, kind: str) -> None:
    assert draw(drawer, picture(90, 90, kind))[0].verdict == "made"


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO", "EPS"])
def test_other_formats_are_left_alone(drawer: Thumbnailer, kind: str) -> None:
    assert draw(drawer, picture(90, 90, kind))[0].verdict == "unsupported"


def of_a_camera(width: int, height: int) -> bytes:
    """A JPEG file with a second picture behind the first."""
    out = io.BytesIO()
    first, second = (Image.new("RGB", (width, height), colour) for colour in ("red", "blue"))
    first.save(out, "MPO", save_all=True, append_images=[second])
    return out.getvalue()


@pytest.mark.parametrize("animated", [True, False])
def test_a_photograph_with_more_pictures_behind_it_does_not_move(drawer: Thumbnailer, animated: bool) -> None:
    wanted = WANTED._replace(animated=animated)
    assert draw(drawer, of_a_camera(90, 90), wanted)[0] == ("made", "image/jpeg")
    assert draw(drawer, of_a_camera(30, 30), wanted)[0] == ("original", "image/jpeg")


def test_a_picture_is_measured_without_being_unpacked(drawer: Thumbnailer) -> None:
    rows = zlib.compressobj(9)
    row = bytes(1 + 40_000 // 8)
    packed = b"".join(rows.compress(row) for _ in range(100)) + rows.flush()
    header = struct.pack(">IIBBBBB", 40_000, 30_000, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    with file_of(bomb) as source:
        assert drawer.measure(source) == (40_000, 30_000)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_a_turned_picture_is_measured_as_it_is_to_be_seen(drawer: Thumbnailer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP"):
        with file_of(picture(40, 30, kind, exif=exif)) as source:
            assert drawer.measure(source) == (30, 40)


@pytest.mark.parametrize(
    ("mode", "kind", "kept"),
    [
        ("RGB", "JPEG", True),
        ("L", "JPEG", True),
        ("P", "PNG", True),
        ("CMYK", "JPEG", False),
        ("LA", "PNG", False),
    ],
)
def test_a_profile_stays_with_the_colours_that_it_describes(
    drawer: Thumbnailer, mode: str, kind: str, kept: bool
) -> None:
    profile = b"profile of some colours"
    drawn, content = draw(drawer, picture(90, 90, kind, mode, icc_profile=profile))
    assert drawn.verdict == "made"
    assert Image.open(io.BytesIO(content)).info.get("icc_profile") == (profile if kept else None)
