"""Every page in Debian's Chromium: with nothing, one and 10,000 of everything, on every kind of screen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.clients.stories import needs_chromium
from tests.factories.chromium import (
    Watched,
    chromium,
    faults_on_screens,
    set_screen,
    signed_in,
    unseen_focus,
)
from tests.filled.addresses import NOWHERE, Address, all_addresses
from tests.filled.answers import Answer, answers
from tests.filled.filling import NOBODY, NOTHING
from tests.filled.server import FilledServer, filled_server
from tests.toml_text import Tables

pytestmark = [pytest.mark.slow, needs_chromium]

SETTINGS: Tables = {
    "server": {"name": "hearth.example", "public_baseurl": "https://matrix.hearth.example"},
    "turn": {"uris": ["turn:turn.hearth.example:3478?transport=udp"], "secret": "of-the-turn-server"},
    "backup": {
        "encrypt": True,
        "remote": "sftp",
        "sftp": {"host": "backups.hearth.example", "user": "hearth", "folder": "/srv/hearth"},
    },
}
# Nobody has a picture, has had their data put into an archive, or waits for a mail that lets them register.
ABSENT = (NOWHERE.name, "picture", "user-picture", "user-data-archive", "data-archive", "register-mail")
# What is another at each visit, and what the frame says of the checks, which every page of a server has.
ELSEWHERE_TOO = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|<a class="badge[^"]*" href="/admin/checks/">.*?</a>', re.DOTALL
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module", params=["empty", "one", "many"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilledServer]:
    """A server with nothing, one, or ten thousand of everything. The setup of the empty one is still open."""
    options = ["--in-setup"] if request.param == "empty" else []
    folder = tmp_path_factory.mktemp(request.param)
    with filled_server(folder, request.param, *options, settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """What pages said that were looked at: settings are the same on every server."""
    return set()


@pytest.fixture
def context(browser: Browser, server: FilledServer) -> Iterator[BrowserContext]:
    """The owner's browser, signed in everywhere."""
    context = signed_in(browser, server.base, server.filled.tokens)
    yield context
    context.close()


def text_of(context: BrowserContext, address: Address) -> str:
    """The page of an address; empty for what only takes forms and leads elsewhere, for files and pieces."""
    answer = context.request.get(address.path, max_redirects=0)
    if answer.status == 303:
        assert "next=" not in answer.headers["location"], f"{address.path} wants somebody else"
        return ""
    absent = address.name in ABSENT or any(part in address.path for part in (NOTHING, str(NOBODY)))
    is_closed = address.area == "setup" and answer.status == 404
    assert answer.status == (404 if absent else 200) or is_closed, f"{address.path} came with {answer.status}"
    is_whole = answer.headers["content-type"].startswith("text/html") and answer.text().startswith(
        "<!DOCTYPE"
    )
    return answer.text() if is_whole else ""


def test_every_page_is_for_everybody(context: BrowserContext, server: FilledServer, seen: set[str]) -> None:
    watched, found, opened = Watched(context), [], 0
    for address in all_addresses(server.filled):
        text = ELSEWHERE_TOO.sub("", text_of(context, address))
        if text and text not in seen:
            seen.add(text)
            opened += 1
            set_screen(watched.page)
            watched.page.goto(address.path)
            found += [f"{address.path} {fault}" for fault in faults_of(watched)]
    assert opened >= 40
    assert found == [], "\n".join(found)


def test_every_answer_to_a_form_is_for_everybody(context: BrowserContext, server: FilledServer) -> None:
    watched, found = Watched(context), []
    wanted = [answer for answer in answers(server.filled) if server.size in answer.where]
    for answer in wanted:
        set_screen(watched.page)
        page = send(watched.page, answer)
        found += [f"{answer.action} {dict(answer.fields)!s:.80} {fault}" for fault in faults_of(watched)]
        assert page.status in (200, 400), f"{answer.action} was answered with {page.status}"
    assert wanted
    assert found == [], "\n".join(found)


def faults_of(watched: Watched) -> Iterator[str]:
    """What is wrong with the page that is open, on each screen."""
    yield from unseen_focus(watched.page)
    yield from faults_on_screens(watched.page)
    yield from watched.complaints()


def send(page: Page, answer: Answer) -> Response:
    """Send a form from the page that it is on, with the page's token; what the browser shows then."""
    page.goto(answer.page)
    fields = [
        (name, value)
        for name, values in answer.fields.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    with page.expect_navigation() as brought:
        page.evaluate(_SEND, [answer.path, fields])
    return brought.value


_SEND = """([address, fields]) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: address, hidden: true });
    form.append(document.querySelector("[name=csrfmiddlewaretoken]").cloneNode());
    for (const [name, value] of fields) {
        const field = document.createElement("input");
        Object.assign(field, { type: "hidden", name, value });
        form.append(field);
    }
    document.body.append(form);
    form.submit();
}"""
