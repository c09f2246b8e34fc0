"""Requests to gateways and bridges, over real connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matrix_app.federation import loop
from matrix_app.federation.outgoing import Answer, outgoing
from matrix_app.protocol.errors import BadGateway
from tests.factories.http_service import HttpService, http_service
from tests.factories.settings import settings


@pytest.fixture
def service() -> Iterator[HttpService]:
    with http_service(b'{"rejected": []}') as found:
        yield found
    loop.stop()


def ask(url: str, *, trusted: bool) -> Answer:
    async def request() -> Answer:
        return await outgoing(trusted=trusted).request("POST", url, body=b"{}", timeout=5)

    return loop.run(request(), 10)


def test_users_cannot_name_a_service_inside_the_network(service: HttpService) -> None:
    port = service.address.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0"):
        with pytest.raises(BadGateway):
            ask(f"http://{host}:{port}/_matrix/push/v1/notify", trusted=False)
    assert service.asked == []


def test_the_owner_can(service: HttpService) -> None:
    assert ask(f"{service.address}/x", trusted=True) == Answer(200, {"rejected": []})
    assert [asked.body for asked in service.asked] == [b"{}"]


def test_private_addresses_can_be_allowed(service: HttpService) -> None:
    with settings(outgoing={"allow_private_addresses": True}):
        assert ask(service.address, trusted=False).is_ok


def test_an_answer_that_is_no_json_and_one_that_never_comes_are_told(service: HttpService) -> None:
    service.answer, service.status = b"<html>", 503
    assert ask(service.address, trusted=True) == Answer(503, None)
    with pytest.raises(BadGateway):
        ask("http://127.0.0.1:1/", trusted=True)
    with pytest.raises(BadGateway):
        ask("ftp://example.org/", trusted=True)
    with pytest.raises(BadGateway):
        ask("http://[broken/", trusted=True)


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("9" * 5000, None), ("soon", None)])
def test_how_long_to_wait_is_told_where_that_is_a_time(
    service: HttpService, text: str, seconds: int | None
) -> None:
    service.headers["Retry-After"] = text
    assert ask(service.address, trusted=True) == Answer(200, {"rejected": []}, seconds)
