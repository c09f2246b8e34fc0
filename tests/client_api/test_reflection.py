"""What the diagnostics are told of how their request arrived."""

from __future__ import annotations

from tests.factories.visitor import get


def test_the_path_is_told_as_it_was_meant_and_nothing_of_the_sender() -> None:
    body = get("/_hearth/reflection/a%2Fb").body
    assert body == {"server_name": "hearth.example", "segment": "a/b", "forwarded_for": False, "https": False}
