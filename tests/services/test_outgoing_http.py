"""Requests to captcha, CAS and identity servers."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import BadGateway
from matrix_app.services.outgoing_http import get, post_form, post_json
from tests.factories.http_service import http_service
from tests.factories.settings import settings


def test_forms_and_queries_arrive() -> None:
    with http_service(b'{"a": 1}') as service:
        assert post_form(service.address + "/x?y=1", {"k": "ä&"}).json() == {"a": 1}
        assert get(service.address).status == 200
    assert service.asked[0][:3] == ("POST", "/x?y=1", b"k=%C3%A4%26")
    assert service.asked[1].path == "/"


def test_answers_that_are_no_objects_count_as_empty() -> None:
    with http_service(b"[1]") as service:
        assert get(service.address).json() == {}
        service.answer = b"{"
        assert get(service.address).json() == {}


def test_addresses_that_users_name_must_be_public() -> None:
    with http_service(b"{}") as service:
        with pytest.raises(BadGateway):
            post_json(service.address, b"{}", {})
        assert service.asked == []
        with settings(outgoing={"allow_private_addresses": True}):
            assert post_json(service.address, b"{}", {}).status == 200


@pytest.mark.parametrize("url", ["ftp://example.org", "file:///etc/passwd", "http://", "http://127.0.0.1:1/"])
def test_what_does_not_answer_is_a_bad_gateway(url: str) -> None:
    with pytest.raises(BadGateway):
        get(url)
