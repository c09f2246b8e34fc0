"""Lists that go on over several pages: nothing is left out between them, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from selectolax.lexbor import LexborHTMLParser as Html

from matrix_app.storage.clock import now_ms
from tests.filled.filling import Filled, fill
from tests.filled.size import PAGES

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 60
ORDERED = (
    *(
        f"users/?kind=all&sort={order}"
        for order in ("name", "-name", "created", "-created", "active", "-active")
    ),
    *(f"rooms/?sort={order}" for order in ("members", "-members", "local", "-local", "activity", "-name")),
    *(f"media/all/?order={order}" for order in ("newest", "largest", "used")),
)


@pytest.fixture
def filled() -> Filled:
    return fill(PAGES._replace(samples=False, backups=0, log_lines=0, policies=0, messages=400), now_ms())


def rows(filled: Filled, address: str) -> Iterator[str]:
    """The rows of all pages, without what is another at each visit."""
    client = Client()
    for area, token in filled.tokens.items():
        client.cookies[f"hearth_{area}"] = token
    path = address.partition("?")[0]
    while True:
        answer = client.get(address)
        assert answer.status_code == 200
        page = Html(answer.content)
        for row in page.css("table.rows tbody tr"):
            yield " ".join(f"{row.css('td')[0].html} {row.text()}".split())
        link = page.css_first("a[rel=next]")
        if link is None:
            return
        address = path + str(link.attributes["href"])


@pytest.mark.parametrize("order", ORDERED)
def test_every_order_of_a_list_has_every_row_once(filled: Filled, order: str) -> None:
    found = list(rows(filled, f"/admin/{order}"))
    assert len(found) == len(set(found)) == COUNT + (1 if order.startswith("users") else 0)


def test_what_belongs_to_somebody_is_listed_to_the_end(filled: Filled) -> None:
    for tab in ("devices", "pushers", "rooms"):
        found = list(rows(filled, f"/admin/users/{filled.user}/{tab}/"))
        assert len(found) == len(set(found)) == COUNT, tab
    assert len(set(rows(filled, "/account/"))) == COUNT
    assert len(set(rows(filled, f"/admin/users/{filled.user}/media/"))) > COUNT // 3


def test_media_of_a_room_are_found_as_far_back_as_its_history_goes(filled: Filled) -> None:
    found = list(rows(filled, f"/admin/rooms/{filled.room}/media/"))
    assert len(found) == 400 // 5
