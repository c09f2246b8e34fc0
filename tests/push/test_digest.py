"""Mails about missed messages: when they come, what they say, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from matrix_app.push import digest, routing
from matrix_app.storage import db, push_queue, pushers, stream, threepids
from matrix_app.storage.threepids import ThreePidRow
from tests.factories.client import Client, ClientFactory
from tests.factories.mail_server import MailServer, mail_server
from tests.factories.settings import settings
from tests.factories.visitor import ask, get

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "bob@example.org"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server, settings(mail=server.settings, push={"mail_delay_minutes": 0}):
        yield server


class Missing:
    """Bob is away, and wants mails; Alice talks."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob = clients.many(2)
        self.room_id = self.room("Garden <b>&</b> Shed")
        with db.write():
            threepids.insert(self.bob.requester.user_nid, ThreePidRow("email", ADDRESS, 1, 1))
        subscribe(self.bob)
        self.position = stream.current_position()

    def room(self, name: str) -> str:
        """A room of both."""
        room_id = self.alice.create_room(preset="public_chat", name=name)
        assert self.bob.change(room_id, "join").status == 200
        return room_id

    def route(self) -> int:
        """What happened becomes notifications; the nid of the pusher."""
        while routed := routing.route(self.position):
            self.position = routed.position
        return pushers.of_user(self.bob.requester.user_nid)[0].nid

    def mail(self) -> None:
        """It is looked whether a mail is due."""
        digest.send_digest(self.route())


def subscribe(client: Client) -> None:
    body = {
        "kind": "email",
        "app_id": "m.email",
        "pushkey": ADDRESS,
        "app_display_name": "Email Notifications",
        "device_display_name": ADDRESS,
        "lang": "en",
        "data": {},
    }
    assert client.post("/pushers/set", body).status == 200


@pytest.fixture
def missing(clients: ClientFactory, mails: MailServer) -> Missing:
    return Missing(clients)


def html_of(server: MailServer) -> str:
    part = next(part for part in server.mails[-1].walk() if part.get_content_type() == "text/html")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_a_mail_tells_of_many_messages_by_room(missing: Missing, mails: MailServer) -> None:
    other = missing.room("Kitchen")
    missing.alice.send(missing.room_id, "the roses <script>bloom</script>")
    missing.alice.put(f"/rooms/{quote(other)}/send/m.room.encrypted/e", {"algorithm": "m.megolm.v1.aes-sha2"})
    missing.mail()
    text, html = mails.text_of_last(), html_of(mails)
    assert mails.mails[-1]["To"] == ADDRESS
    assert mails.mails[-1]["Subject"] == "2 unread messages in Garden <b>&</b> Shed and other rooms"
    assert "the roses <script>bloom</script>" in text
    assert "sent an encrypted message" in text
    assert "<script>" not in html
    assert "Garden &lt;b&gt;&amp;&lt;/b&gt; Shed" in html
    assert f"https://matrix.to/#/{quote(missing.room_id, safe='!:')}" in text
    missing.mail()
    assert len(mails.mails) == 1


def test_links_lead_to_the_web_app_of_the_configuration(missing: Missing, mails: MailServer) -> None:
    missing.alice.send(missing.room_id)
    with settings(push={"client_url": "https://chat.example.org/"}):
        missing.mail()
    assert f"https://chat.example.org/#/room/{quote(missing.room_id, safe='!:')}" in mails.text_of_last()


def test_what_is_read_in_time_is_not_mailed(missing: Missing, mails: MailServer) -> None:
    event_id = missing.alice.send(missing.room_id).body["event_id"]
    nid = missing.route()
    [waiting] = push_queue.waiting()
    with settings(push={"mail_delay_minutes": 10}):
        assert not digest.is_due(waiting)
        missing.mail()
    missing.bob.post(f"/rooms/{missing.room_id}/receipt/m.read/{event_id}")
    assert digest.is_due(waiting)
    missing.mail()
    assert (mails.mails, push_queue.of_pusher(nid, 10)) == ([], [])


def test_mails_keep_their_distance(missing: Missing, mails: MailServer) -> None:
    missing.alice.send(missing.room_id, "one")
    missing.mail()
    missing.alice.send(missing.room_id, "two")
    missing.mail()
    assert len(mails.mails) == 1
    with settings(push={"mail_interval_minutes": 0}):
        missing.mail()
    assert "two" in mails.text_of_last()
    assert "one" not in mails.text_of_last()


def test_a_long_absence_makes_a_mail_of_bounded_size(missing: Missing, mails: MailServer) -> None:
    for number in range(digest.MOST_MESSAGES + 5):
        missing.alice.send(missing.room_id, f"message {number} " + "x" * 2 * digest.LONGEST_TEXT)
    missing.mail()
    text = mails.text_of_last()
    assert "(5 earlier)" in text
    assert "message 4 " not in text
    assert "message 5 " in text
    assert len(text) < (digest.MOST_MESSAGES + 2) * (digest.LONGEST_TEXT + 100)


def test_a_mail_server_that_fails_is_asked_again_later(missing: Missing, mails: MailServer) -> None:
    missing.alice.send(missing.room_id, "still here")
    with settings(mail={"port": 1}):
        missing.mail()
    [pusher] = pushers.of_user(missing.bob.requester.user_nid)
    assert pusher.retry_ts is not None
    assert not digest.is_due(push_queue.waiting()[0])
    with db.write():
        db.execute("UPDATE pusher SET retry_ts = 1")
    missing.mail()
    assert "still here" in mails.text_of_last()


def test_a_link_in_the_mail_ends_mails_without_signing_in(missing: Missing, mails: MailServer) -> None:
    missing.alice.send(missing.room_id)
    missing.mail()
    link = mails.mails[-1]["List-Unsubscribe"].strip().strip("<>")
    assert link in mails.text_of_last()
    path = "/" + link.split("/", 3)[3]
    page = get(path)
    assert page.status == 200
    assert ADDRESS in page.text
    assert len(pushers.of_user(missing.bob.requester.user_nid)) == 1, "a program only looked at the link"
    assert mails.mails[-1]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert ask("POST", path, form={"List-Unsubscribe": "One-Click"}).status == 200
    assert pushers.of_user(missing.bob.requester.user_nid) == []
    assert get(path).status == 200
    assert ask("POST", path, form={"List-Unsubscribe": "One-Click"}).status == 200


def test_a_forged_link_ends_nothing(missing: Missing) -> None:
    nid = missing.route()
    path = "/_matrix/client/unstable/hearth/email/unsubscribe?token="
    for token in (f"{nid}.{'0' * 40}", f"{nid}", "x.y", "", "9" * 40 + ".a"):
        assert ask("POST", path + token, form={"List-Unsubscribe": "One-Click"}).status in (400, 404)
    assert len(pushers.of_user(missing.bob.requester.user_nid)) == 1
