"""What the bridge between the event loop and the views makes of requests and answers."""

from __future__ import annotations

import pytest

from tests.factories.asgi import Exchange, run, started
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
