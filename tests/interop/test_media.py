"""Files of one server, seen at the other."""

from __future__ import annotations

import io
from urllib.parse import quote

import pytest
from PIL import Image

from tests.interop.people import Person, call

pytestmark = pytest.mark.slow


def picture() -> bytes:
    """A PNG of 900 by 600 pixels."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize((900, 600)).save(data, "PNG")
    return data.getvalue()


def upload(owner: Person, data: bytes, kind: str, name: str) -> str:
    """The path of the file below /download or /thumbnail."""
    answer, body = call(
        owner.base,
        "POST",
        "/_matrix/media/v3/upload",
        data,
        query={"filename": name},
        token=owner.token,
        kind=kind,
    )
    assert answer.status == 200, body
    return body.decode().split("mxc://")[1].split('"')[0]


def test_a_file_can_be_fetched_and_made_smaller_by_way_of_the_other_server(
    alice: Person, bob: Person
) -> None:
    for owner, reader in ((alice, bob), (bob, alice)):
        data = picture()
        where = upload(owner, data, "image/png", "täa.png")
        base = "/_matrix/client/v1/media"
        for _ in range(2):
            answer, body = call(reader.base, "GET", f"{base}/download/{where}", token=reader.token)
            assert (answer.status, body == data) == (200, True)
            assert answer.headers["Content-Type"] == "image/png"
            assert quote("täa.png") in answer.headers["Content-Disposition"]
        size = {"width": 300, "height": 300, "method": "scale"}
        answer, body = call(reader.base, "GET", f"{base}/thumbnail/{where}", query=size, token=reader.token)
        assert answer.status == 200
        with Image.open(io.BytesIO(body)) as small:
            assert small.size == (small.width, round(small.width * 2 / 3))
            assert 300 <= small.width < 900
        answer, body = call(reader.base, "GET", f"{base}/download/{where}x", token=reader.token)
        assert answer.status == 404
        assert b"M_NOT_FOUND" in body


def test_files_of_the_other_server_are_not_handed_to_those_who_are_not_signed_in(
    alice: Person, bob: Person
) -> None:
    where = upload(alice, b"secret", "text/plain", "a.txt")
    answer, _ = call(bob.base, "GET", f"/_matrix/client/v1/media/download/{where}")
    assert answer.status == 401
    answer, body = call(bob.base, "GET", f"/_matrix/media/v3/download/{where}")
    assert (answer.status, b"secret" in body) == (404, False)
