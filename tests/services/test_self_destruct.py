"""Messages that are removed at the time that their senders wrote in them."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from matrix_app.services.effects.self_destruct import remove_expired
from matrix_app.services.event_view import render_events
from matrix_app.storage import interning
from tests.factories.rooms import ALICE, StoredRoom
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

_KEY = "org.matrix.self_destruct_after"


@pytest.fixture
def _allowed() -> Iterator[None]:
    with settings(rooms={"self_destructing_messages": True}):
        yield


def body_after(expires: object) -> str | None:
    """The text of a message with a time, after those whose time has come have been removed."""
    room = StoredRoom()
    row = room.message(ALICE, "secret", **{_KEY: expires})
    remove_expired()
    (event,) = render_events([room.row(row.event_id)], viewer_nid=interning.user_nid(ALICE))
    body: str | None = orjson.loads(event)["content"].get("body")
    return body


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize(
    ("expires", "expected"),
    [(1, None), (1 << 52, "secret"), ("soon", "secret"), (-1, "secret"), (True, "secret")],
)
def test_a_message_is_removed_when_its_time_has_come(expires: object, expected: str | None) -> None:
    assert body_after(expires) == expected


def test_messages_stay_where_the_configuration_does_not_allow_that() -> None:
    assert body_after(1) == "secret"
