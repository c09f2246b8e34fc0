"""What the bridge between the event loop and the views makes of requests and answers."""

from __future__ import annotations

import pytest

from tests.factories.asgi import Exchange, run, started
from tests.factories.client import ClientFactory
from tests.factories.media import download, upload
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["upload/elsewhere/x/y", "config", "create"])
def test_only_uploads_may_be_as_large_as_files(path: str) -> None:
    async def story() -> None:
        exchange = Exchange(None, "", path=f"/_matrix/media/v3/{path}", body={"x": "y" * 2000})
        await (await started(exchange))
        assert (exchange.status, exchange.body["errcode"]) == (413, "M_TOO_LARGE")

    with settings(web={"max_body_bytes": 1000}):
        run(story())


def test_who_has_a_file_already_is_not_told_that_it_is_empty(clients: ClientFactory) -> None:
    alice = clients.make()
    place = upload(alice, b"0123456789")
    tag = download(alice, place).headers["ETag"].encode()

    async def story() -> None:
        exchange = Exchange(alice, "", path=f"/_matrix/client/v1/media/download/{place}")
        exchange.scope["headers"] = [*exchange.scope["headers"], (b"if-none-match", tag)]
        await (await started(exchange))
        assert exchange.status == 304
        assert b"content-length" not in dict(exchange.sent[0]["headers"])

    run(story())
