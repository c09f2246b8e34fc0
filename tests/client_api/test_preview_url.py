"""GET /media/preview_url."""

from __future__ import annotations

from concurrent.futures import Future
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from appliance.config import get_config
from matrix_app.protocol.errors import BadGateway
from matrix_app.services import keep_previews
from matrix_app.services.evict_media import evict
from matrix_app.services.keep_previews import HOUR_MS, Preview, keep_preview
from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from tests.factories import offline
from tests.factories.client import ClientFactory
from tests.factories.media import send
from tests.factories.settings import settings

PATHS = ("/_matrix/client/v1/media/preview_url", "/_matrix/media/v3/preview_url")
PAGE = "https://site.example/a?b=c&d"


class Maker:
    """Makes previews of one page."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start(self, address: str) -> Future[Preview]:
        self.asked.append(address)
        future: Future[Preview] = Future()
        if address == PAGE:
            keep_preview(address, {"og:title": "x"})
            future.set_result({"og:title": "x"})
        else:
            future.set_exception(BadGateway("no answer"))
        return future


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    made = Maker()
    monkeypatch.setattr(offline, "previews", made)
    return made


def test_without_the_setting_nothing_is_fetched(clients: ClientFactory, maker: Maker) -> None:
    alice = clients.make()
    for path in PATHS:
        assert send(alice, "GET", f"{path}?url={quote(PAGE)}").errcode == "M_UNRECOGNIZED"
    assert maker.asked == []


@pytest.mark.parametrize("path", PATHS)
def test_a_preview_is_made_once_an_hour(clients: ClientFactory, maker: Maker, path: str) -> None:
    alice, bob = clients.many(2)
    with settings(media={"url_previews": True}):
        for client in (alice, bob):
            assert send(client, "GET", f"{path}?url={quote(PAGE, safe='')}").json == {"og:title": "x"}
        assert maker.asked == [PAGE]
        assert send(None, "GET", f"{path}?url=x").errcode == "M_MISSING_TOKEN"
        assert send(clients.make(guest=True), "GET", f"{path}?url=x").status == 403
        assert send(alice, "GET", path).errcode == "M_MISSING_PARAM"
        assert send(alice, "GET", f"{path}?url=x&ts=y").errcode == "M_INVALID_PARAM"
        assert send(alice, "GET", f"{path}?url=https://other.example/").status == 502


def test_a_preview_of_an_earlier_hour_can_be_asked_for(clients: ClientFactory, maker: Maker) -> None:
    alice = clients.make()
    earlier = now_ms() - 3 * HOUR_MS
    keep_preview(PAGE, {"og:title": "earlier"})
    with db.write():
        db.execute("UPDATE url_preview SET hour = %s", (earlier // HOUR_MS * HOUR_MS,))
    with settings(media={"url_previews": True}):
        path = f"{PATHS[0]}?url={quote(PAGE, safe='')}"
        assert send(alice, "GET", f"{path}&ts={earlier}").json == {"og:title": "earlier"}
        assert send(alice, "GET", path).json == {"og:title": "x"}
        assert send(alice, "GET", f"{path}&ts=5").json == {"og:title": "x"}


def test_previews_are_forgotten_with_time_and_when_there_are_many(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_previews, "BATCH", 2)
    for number in range(7):
        keep_preview(f"https://site.example/{number}", {})
    with db.write():
        oldest = "(SELECT url_hash FROM url_preview ORDER BY url_hash LIMIT 1)"
        db.execute(f"UPDATE url_preview SET expires_ts = 1 WHERE url_hash = {oldest}")
    evict()
    assert db.value("SELECT count(*) FROM url_preview") == 6
    few = replace(get_config().media.previews, most_kept=3)
    with settings(media={"previews": few}):
        evict()
    assert db.value("SELECT count(*) FROM url_preview") == 3
