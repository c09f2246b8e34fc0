"""Media for other servers."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from urllib.parse import urlsplit

from matrix_app.http.dispatch import dispatch, resume
from matrix_app.http.file_answer import FileAnswer
from matrix_app.http.later_answer import LaterAnswer
from tests.factories.client import Client
from tests.factories.media import Raw, picture, send, upload, waited
from tests.factories.servers import make_http
from tests.factories.visiting_server import VisitingServer

PNG = picture(400, 300)


def get(remote: VisitingServer, target: str) -> Raw:
    """A signed request of another server."""
    http = make_http("GET", target, None, remote.authorization("GET", target))
    response = dispatch(http)
    while isinstance(response, LaterAnswer):
        response = resume(waited(response))
    body = b"".join(response)
    if isinstance(response, FileAnswer):
        response.part.close()
    return Raw(response.status_code, response.headers, body)


def parts_of(answer: Raw) -> list[Message]:
    assert answer.status == 200, answer
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + answer.content)
    assert whole.get_content_type() == "multipart/mixed"
    payload = whole.get_payload()
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]


def media_id(place: str) -> str:
    return place.partition("/")[2]


def test_another_server_gets_metadata_and_the_file(remote: VisitingServer, alice: Client) -> None:
    place = upload(alice, PNG, "image/png", "a%20b.png")
    answer = get(remote, f"/_matrix/federation/v1/media/download/{media_id(place)}")
    metadata, file = parts_of(answer)
    assert (metadata.get_content_type(), metadata.get_payload()) == ("application/json", "{}")
    assert file.get_payload(decode=True) == PNG
    assert (file["Content-Type"], file["Content-Disposition"]) == ("image/png", 'inline; filename="a b.png"')
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_a_page_is_handed_out_as_an_attachment(remote: VisitingServer, alice: Client) -> None:
    place = upload(alice, b"<script>", "text/html")
    _, file = parts_of(get(remote, f"/_matrix/federation/v1/media/download/{media_id(place)}"))
    assert file["Content-Disposition"] == "attachment"


def test_another_server_gets_thumbnails(remote: VisitingServer, alice: Client) -> None:
    place = upload(alice, PNG, "image/png")
    target = f"/_matrix/federation/v1/media/thumbnail/{media_id(place)}?width=30&height=30&method=crop"
    _, file = parts_of(get(remote, target))
    assert file["Content-Type"] == "image/jpeg"
    assert file["Content-Disposition"] == 'inline; filename="thumbnail.jpeg"'
    refused = get(remote, f"/_matrix/federation/v1/media/thumbnail/{media_id(place)}?width=30&height=-1")
    assert refused.status == 400


def test_only_servers_that_sign_get_any(remote: VisitingServer, alice: Client) -> None:
    place = upload(alice, PNG, "image/png")
    target = f"/_matrix/federation/v1/media/download/{media_id(place)}"
    assert dispatch(make_http("GET", target, None, None)).status_code == 401
    assert dispatch(make_http("GET", target, None, f"Bearer {alice.token}")).status_code == 401


def test_what_is_not_there_or_not_there_yet_is_said(remote: VisitingServer, alice: Client) -> None:
    base = "/_matrix/federation/v1/media/download"
    assert get(remote, f"{base}/nothing").errcode == "M_NOT_FOUND"
    assert get(remote, f"{base}/..%2Fnothing").errcode == "M_INVALID_PARAM"
    made = send(alice, "POST", "/_matrix/media/v1/create", b"{}", "application/json")
    reserved = urlsplit(made.json["content_uri"]).path.strip("/")
    early = get(remote, f"{base}/{reserved}?timeout_ms=0")
    assert (early.status, early.errcode) == (504, "M_NOT_YET_UPLOADED")
