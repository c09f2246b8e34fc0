"""Making previews out of pages."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from django.db import connections

from appliance.config.current import use_config
from matrix_app.media.store import media_store
from matrix_app.previews.maker import PreviewMaker
from matrix_app.protocol.errors import BadGateway, Forbidden, InvalidParam
from matrix_app.protocol.ids import parse_mxc
from matrix_app.services.audit import CLI
from matrix_app.services.keep_previews import kept_preview
from matrix_app.services.quarantine_media import block_file
from matrix_app.storage import db, media
from tests.factories.media import picture
from tests.factories.web_site import WebSite
from tests.previews.conftest import a_web, preview_config

pytestmark = pytest.mark.django_db(transaction=True)

PNG = picture(60, 40)


@pytest.fixture
async def maker() -> AsyncIterator[PreviewMaker]:
    with use_config(preview_config()):
        async with a_web() as client:
            yield PreviewMaker(client)


def at(site: WebSite, path: str = "/") -> str:
    return f"http://site.example:{site.port}{path}"


async def in_thread(function: object, *args: object) -> object:
    """Calls what reads the database outside of the event loop."""
    return await asyncio.to_thread(_closing, function, args)


def _closing(function: object, args: tuple[object, ...]) -> object:
    try:
        return function(*args)  # type: ignore[operator]
    finally:
        connections.close_all()


async def test_a_preview_has_the_properties_and_the_picture(site: WebSite, maker: PreviewMaker) -> None:
    site.say(
        "/film",
        '<title>The Rock (1996)</title><meta property="og:title" content="The Rock">'
        '<meta property="og:url" content="https://elsewhere.example/">'
        '<meta property="og:image" content="a/b.png">'
        '<meta property="og:image:width" content="9"><meta property="og:image:alt" content="A rock">',
    )
    site.say("/a/b.png", PNG, "image/png")
    made = await maker.preview(at(site, "/film"))
    mxc = parse_mxc(made.pop("og:image"))
    assert made == {
        "og:title": "The Rock",
        "og:url": "https://elsewhere.example/",
        "og:image:alt": "A rock",
        "og:image:type": "image/png",
        "og:image:width": 60,
        "og:image:height": 40,
        "matrix:image:size": len(PNG),
    }
    row = await in_thread(media.find, *mxc)
    assert isinstance(row, media.MediaRow)
    assert (row.user_nid, row.content_type, row.file_name) == (None, "image/png", "b.png")
    assert row.location is not None
    with media_store().open(row.location) as file:
        assert file.read() == PNG


async def test_a_preview_is_made_once_for_all_who_ask_and_kept(site: WebSite, maker: PreviewMaker) -> None:
    async def slow(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.Response(text="<title>x</title>", content_type="text/html")

    site.pages["/"] = slow
    made = await asyncio.gather(*(maker.preview(at(site)) for _ in range(10)))
    assert made == [{"og:title": "x"}] * 10
    assert site.asked == ["/"]
    assert await in_thread(kept_preview, at(site), None) == {"og:title": "x"}
    assert await in_thread(kept_preview, at(site), 5) == {"og:title": "x"}
    assert await in_thread(kept_preview, at(site, "/other"), None) is None


async def test_what_cannot_be_had_is_not_asked_for_at_once_again(site: WebSite, maker: PreviewMaker) -> None:
    for _ in range(3):
        with pytest.raises(BadGateway):
            await maker.preview(at(site, "/missing"))
    assert site.asked == ["/missing"]
    with pytest.raises(InvalidParam):
        await maker.preview("file:///etc/passwd")
    with pytest.raises(Forbidden):
        await maker.preview(f"http://a:b@site.example:{site.port}/")


async def test_pictures_that_cannot_be_had_are_passed_over(site: WebSite, maker: PreviewMaker) -> None:
    site.say(
        "/",
        '<meta property="og:image:secure_url" content="http://127.0.0.1/x.png">'
        '<meta property="og:image" content="/page.png"><meta name="twitter:image" content="/good.png">',
    )
    site.say("/page.png", "<html>not a picture", "image/png")
    site.say("/good.png", PNG, "text/plain")
    assert "og:image" not in await maker.preview(at(site))
    site.say("/good.png", PNG, "image/webp")
    assert (await maker.preview(at(site, "/?again")))["og:image:type"] == "image/png"


async def test_a_picture_that_is_too_large_or_blocked_is_left_out(site: WebSite, maker: PreviewMaker) -> None:
    page = '<title>x</title><meta property="og:image" content="/a.png">'
    site.say("/", page)
    site.say("/a.png", PNG, "image/png")
    with use_config(preview_config(max_image_bytes=10)):
        assert await maker.preview(at(site)) == {"og:title": "x"}
    await in_thread(block_file, CLI, hashlib.sha256(PNG).digest())
    assert await maker.preview(at(site, "/?2")) == {"og:title": "x"}
    assert await in_thread(db.value, "SELECT count(*) FROM media") == 0


async def test_a_picture_is_its_own_preview(site: WebSite, maker: PreviewMaker) -> None:
    site.say("/a.png", PNG, "image/png")
    made = await maker.preview(at(site, "/a.png"))
    assert (made["og:image:width"], made["matrix:image:size"]) == (60, len(PNG))


@pytest.mark.parametrize("content_type", ["application/pdf", "video/mp4", "application/xml", "text/plain"])
async def test_other_files_have_an_empty_preview(
    site: WebSite, maker: PreviewMaker, content_type: str
) -> None:
    site.say("/", b"x" * 1000, content_type)
    assert await maker.preview(at(site)) == {}


async def test_a_page_may_be_described_elsewhere(site: WebSite, maker: PreviewMaker) -> None:
    link = '<link rel="alternate" type="application/json+oembed" href="/o">'
    site.say("/", f"<head>{link}</head>")
    described = (
        '{"type": "rich", "title": "Said", "author_name": "Who", "provider_name": "Site",'
        ' "thumbnail_url": "/t.png", "html": "<script>alert(1)</script><p>What was said by somebody</p>"}'
    )
    site.say("/o", described, "application/json")
    site.say("/t.png", PNG, "image/png")
    made = await maker.preview(at(site))
    assert (made["og:title"], made["og:site_name"]) == ("Said", "Site")
    assert made["og:description"] == "What was said by somebody"
    assert made["og:image:width"] == 60


@pytest.mark.parametrize(
    "described", ["[]", "nonsense", '{"title": 5, "html": []}', "[" * 100_000, "x" * 300_000]
)
async def test_a_description_that_is_none_spoils_nothing(
    site: WebSite, maker: PreviewMaker, described: str
) -> None:
    site.say("/", '<title>x</title><link rel="alternate" type="application/json+oembed" href="/o">')
    site.say("/o", described, "application/json")
    assert await maker.preview(at(site)) == {"og:title": "x"}
