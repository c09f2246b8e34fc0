"""Pictures of the main pages: HEARTH_WRITE_SCREENSHOTS=yes puts them into docs/screenshots.

The server is that of a family, at a moment that does not pass, so they change only when the pages do.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from PIL import Image

from tests.clients.stories import needs_chromium
from tests.factories.chromium import chromium, signed_in
from tests.filled.server import FilledServer
from tests.real_server import PROJECT
from tests.toml_text import Tables

pytestmark = [pytest.mark.slow, needs_chromium]

FOLDER = PROJECT / "docs/screenshots"
NOW_MS = 1_790_160_300_000
SETTINGS: Tables = {
    "server": {"name": "ashgrove.example", "public_baseurl": "https://matrix.ashgrove.example"},
    "turn": {"uris": ["turn:turn.ashgrove.example:3478?transport=udp"], "secret": "of-the-turn-server"},
}
DESK, PHONE = (1280, 800), (390, 800)
MOST_BYTES = 200_000


class Picture(NamedTuple):
    """A file, and what is to be seen in it."""

    name: str
    path: str
    size: tuple[int, int] = DESK
    scheme: Literal["light", "dark"] = "light"
    opened: str = ""


PICTURES = (
    Picture("dashboard", "/admin/"),
    Picture("dashboard-dark", "/admin/", scheme="dark"),
    Picture("dashboard-phone", "/admin/", PHONE),
    Picture("checks", "/admin/checks/"),
    Picture("graphs-dark", "/admin/graphs/", scheme="dark"),
    Picture("users", "/admin/users/"),
    Picture("user", "/admin/users/1/"),
    Picture("invitation", "/admin/invitations/welcome-1/"),
    Picture("rooms", "/admin/rooms/"),
    Picture("federation-dark", "/admin/federation/", scheme="dark"),
    Picture("account-phone-dark", "/account/", PHONE, "dark"),
    Picture("join-phone", "/account/join/welcome-1/", PHONE),
    Picture("menu-phone-dark", "/admin/users/", PHONE, "dark", opened="details.menu > summary"),
)


def test_the_main_pages_have_their_pictures_taken(tmp_path: Path) -> None:
    folder = FOLDER if os.environ.get("HEARTH_WRITE_SCREENSHOTS") else tmp_path
    folder.mkdir(exist_ok=True)
    command = ("tests.still_clock", str(NOW_MS), "web")
    server = FilledServer(tmp_path, settings=SETTINGS, command=command)
    server.fill(tmp_path, "house", "--now", str(NOW_MS))
    with server, chromium() as browser:
        page = signed_in(browser, server.base, server.filled.tokens).new_page()
        for picture in PICTURES:
            width, height = picture.size
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=picture.scheme)
            answer = page.goto(picture.path)
            assert answer is not None
            assert answer.status == 200, picture.path
            if picture.opened:
                page.click(picture.opened)
            write(folder / f"{picture.name}.png", page.screenshot())


def write(file: Path, png: bytes) -> None:
    """Keep a picture in few colours, the rare ones too, which is a third of its bytes."""
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=1).save(file, optimize=True)
    assert 2000 < file.stat().st_size < MOST_BYTES


def test_the_pictures_of_the_documents_are_those_that_are_taken() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.png")) == sorted(picture.name for picture in PICTURES)
