"""Examples of the administrators' API: made of declarations, which are true."""

from __future__ import annotations

import inspect
import json
import shlex
from types import FunctionType
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from admin_ui.sections.api.examples import example_of
from admin_ui.sections.api.views import OTHERS, administrators_endpoints, topic_of
from matrix_app.http.dispatch import router
from matrix_app.http.endpoint import Endpoint
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.client import ClientFactory

ENDPOINTS = administrators_endpoints()
BASE = "https://matrix.hearth.example"


def decoded_by(declared: Endpoint) -> type[msgspec.Struct] | None:
    """The struct that the code of a handler decodes the body into."""
    handler = inspect.unwrap(declared.handler)
    assert isinstance(handler, FunctionType)
    names = handler.__code__.co_names
    if "decode" not in names:
        return None
    found = [handler.__globals__.get(name) for name in names]
    structs = [one for one in found if inspect.isclass(one) and issubclass(one, msgspec.Struct)]
    assert len(structs) == 1, f"{declared.paths[0]}: say which of {structs} it decodes"
    return structs[0]


def arguments_of(declared: Endpoint) -> list[str]:
    return shlex.split(example_of(declared, BASE, "hearth.example").command.replace("\\\n", " "))


@pytest.mark.parametrize("declared", ENDPOINTS, ids=lambda one: f"{one.method} {one.paths[0]}")
def test_an_example_leads_to_its_endpoint_with_a_body_that_it_takes(declared: Endpoint) -> None:
    assert declared.body is decoded_by(declared)
    arguments = arguments_of(declared)
    method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
    [address] = [one for one in arguments if one.startswith(BASE)]
    found, values = router().find(method, urlsplit(address).path)
    assert found is declared
    assert all("{" not in unquote(value) for value in values.values())
    if declared.body is not None:
        body = json.loads(arguments[arguments.index("-d") + 1])
        assert set(body) == {field.encode_name for field in msgspec.structs.fields(declared.body)}
        msgspec.convert(body, declared.body)


def test_every_endpoint_has_a_sentence_and_a_page() -> None:
    assert len(ENDPOINTS) > 60
    without: list[Any] = [one.paths[0] for one in ENDPOINTS if not example_of(one, BASE, "x").sentence]
    assert without == []
    elsewhere = {one.handler.__module__ for one in ENDPOINTS if topic_of(one) is OTHERS}
    assert not [name for name in elsewhere if ".admin_" in name]


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_what_works(clients: ClientFactory) -> None:
    browser = Browser()
    browser.sign_in(make_account("owner", admin=True))
    shown = browser.get("/admin/api/")
    assert len(shown.html.css("main details")) == len(ENDPOINTS)
    assert "/_synapse/admin/v2/users/%40somebody%3Ahearth.example" in shown.text
