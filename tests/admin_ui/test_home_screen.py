"""Pages on the screen of a phone: the manifests, and icons made of the logo.

HEARTH_WRITE_SCREENSHOTS=yes draws the icons again.
"""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from PIL import Image, ImageChops, ImageStat

from admin_ui.static_storage import StaticFiles
from tests.clients.stories import needs_chromium
from tests.factories.accounts import make_account
from tests.factories.chromium import chromium
from tests.factories.page_sessions import browser_of, browser_of_admin
from tests.real_server import PROJECT

FOLDER = PROJECT / "admin_ui" / "static" / "hearth"
LOGO = FOLDER / "logo.svg"
GROUND = "#faf8f5"
# What a phone cuts off a maskable icon leaves four fifths of its middle.
ICONS = {
    "icon-180": (180, 0.72),
    "icon-192": (192, 1.0),
    "icon-512": (512, 1.0),
    "icon-maskable-512": (512, 0.6),
}
AREAS = ("admin", "account")


def manifest(area: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{area}.webmanifest").read_text())
    return found


@pytest.mark.parametrize("area", AREAS)
def test_a_manifest_names_icons_that_are_as_large_as_it_says(area: str) -> None:
    said = manifest(area)
    assert (said["start_url"], said["scope"], said["display"]) == (f"/{area}/", f"/{area}/", "standalone")
    pictures = [icon for icon in said["icons"] if icon["type"] == "image/png"]
    assert {icon["sizes"] for icon in pictures} == {"192x192", "512x512"}
    for icon in pictures:
        with Image.open(FOLDER / icon["src"]) as picture:
            assert "{}x{}".format(*picture.size) == icon["sizes"]


@pytest.mark.django_db(transaction=True)
def test_each_area_has_its_own_manifest() -> None:
    owner = make_account("owner", admin=True)
    for area, visitor in (("admin", browser_of_admin(owner)), ("account", browser_of(owner, "account"))):
        shown = visitor.get(f"/{area}/")
        assert shown.href("link[rel=manifest]") == f"/static/hearth/{area}.webmanifest"
        assert "manifest-src 'self'" in shown.headers["Content-Security-Policy"]


def test_collected_manifests_name_icons_by_their_hashes(tmp_path: Path) -> None:
    stores = {"staticfiles": {"BACKEND": f"{StaticFiles.__module__}.{StaticFiles.__name__}"}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=stores):
        call_command("collectstatic", interactive=False, verbosity=0)
    hashed = list((tmp_path / "hearth").glob("admin.*.webmanifest"))
    assert len(hashed) == 1
    for icon in json.loads(hashed[0].read_text())["icons"]:
        assert re.search(r"\.[0-9a-f]{12}\.(png|svg)$", icon["src"])
        assert (tmp_path / "hearth" / icon["src"]).is_file()


@pytest.mark.slow
@needs_chromium
def test_the_icons_are_the_logo() -> None:
    for name, (size, share) in ICONS.items():
        drawn, file = draw(size, share), FOLDER / f"{name}.png"
        if os.environ.get("HEARTH_WRITE_SCREENSHOTS") == "yes":
            drawn.save(file, optimize=True)
        with Image.open(file) as kept:
            assert kept.size == drawn.size
            # Edges are smoothed differently by each version of a browser.
            assert difference(kept, drawn) < 2, f"{name} is another picture than the logo"


def draw(size: int, share: float) -> Image.Image:
    """The logo in the middle; on a ground of its own unless it fills everything."""
    ground = GROUND if share < 1 else "transparent"
    style = f"html{{background:{ground}}}body{{margin:0;height:100vh;display:grid;place-items:center}}"
    page = f"<style>{style}svg{{width:{size * share}px}}</style>{LOGO.read_text()}"
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": size, "height": size})
        shown.set_content(page)
        return Image.open(io.BytesIO(shown.screenshot(omit_background=True))).convert("RGBA")


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far the colours are apart, over all points, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGBA"), other)).mean)
