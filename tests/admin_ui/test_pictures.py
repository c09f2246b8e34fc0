"""Pictures in the list of users."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from matrix_app.http.dispatch import resume
from matrix_app.http.later_answer import LaterAnswer
from matrix_app.protocol.ids import parse_mxc
from matrix_app.services import quarantine_media
from matrix_app.services.audit import CLI
from matrix_app.storage import db, profiles
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.media import picture, upload, waited
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/users/"


def picture_of(browser: Browser, client: Client) -> Any:
    """The view's answer, once there is one."""
    answer = browser.ask(address_of(client))
    while isinstance(answer, LaterAnswer):
        answer = resume(waited(answer))
    return answer


def address_of(client: Client) -> str:
    return f"{LIST}{client.requester.user_nid}/picture/"


def show(client: Client, avatar_url: str) -> None:
    with db.write():
        profiles.put_field(client.requester.user_nid, "avatar_url", avatar_url)


def uploaded(client: Client, content: bytes) -> str:
    return f"mxc://{upload(client, content)}"


def shown(browser: Browser) -> list[str]:
    return [str(found.attributes["src"]).partition("?")[0] for found in browser.get(LIST).html.css("td img")]


def test_a_picture_is_shown_small_and_to_administrators_alone(
    browser: Browser, clients: ClientFactory
) -> None:
    person = clients.make()
    show(person, uploaded(person, picture(400, 400)))
    assert shown(browser) == [address_of(person)]
    image = browser.get(LIST).html.css_first("td img")
    assert image is not None
    assert image.attributes["loading"] == "lazy"
    answer = picture_of(browser, person)
    assert Image.open(io.BytesIO(b"".join(answer))).size == (96, 96)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert Browser().get(address_of(person)).address == "/admin/sign-in/"


def test_what_cannot_be_shown_is_a_letter(browser: Browser, clients: ClientFactory) -> None:
    person, other, third, fourth = (clients.make() for _ in range(4))
    uri = uploaded(person, picture(40, 40))
    show(person, uri)
    show(other, "mxc://elsewhere.example/never-fetched")
    show(third, "https://elsewhere.example/tracker.png")
    show(fourth, uploaded(fourth, b"<script>alert(1)</script>"))
    assert shown(browser) == [address_of(person), address_of(fourth)]
    for client in (other, third):
        assert browser.get(address_of(client)).status == 404
    assert picture_of(browser, fourth).status_code == 400
    quarantine_media.quarantine(CLI, parse_mxc(uri))
    assert shown(browser) == [address_of(fourth)]
    assert browser.get(address_of(person)).status == 404
    letters = browser.get(LIST).texts("td .picture")
    assert "O" in letters, "the owner has no picture"


def test_pictures_cost_one_statement(browser: Browser, clients: ClientFactory) -> None:
    def cost() -> int:
        with recorded() as ran:
            browser.get(LIST)
        return len(ran)

    person = clients.make()
    show(person, uploaded(person, picture(40, 40)))
    before = cost()
    for _ in range(5):
        one = clients.make()
        show(one, uploaded(one, picture(40, 40)))
    assert len(shown(browser)) == 6
    assert cost() == before


def test_nobody_without_an_account_has_one(browser: Browser) -> None:
    make_account("nobody")
    assert browser.get(f"{LIST}999999/picture/").status == 404
