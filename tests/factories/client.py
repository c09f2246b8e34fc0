"""Clients of users that are made directly in storage, whose requests are dispatched within the process."""

from __future__ import annotations

import itertools
import time
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import orjson
from django.test import RequestFactory

from matrix_app.http.dispatch import dispatch
from matrix_app.http.requester import Requester
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.create_session import create_session
from matrix_app.storage import db, interning, sessions
from matrix_app.storage.accounts import Account
from matrix_app.storage.local_server import local_server_name

_serial = itertools.count(1)
_requests = RequestFactory()


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    body: Any

    @property
    def errcode(self) -> str | None:
        """The errcode of an error."""
        return self.body.get("errcode") if isinstance(self.body, dict) else None


class Client:
    """A client of one device of a user; `requester` is who services see."""

    def __init__(self, requester: Requester, token: str) -> None:
        self.requester = requester
        self.user_id = requester.user_id
        self.token = token

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to a path below /_matrix/client/v3, or to a whole one."""
        whole = path if path.startswith("/_") else f"/_matrix/client/v3{path}"
        http = _requests.generic(
            method,
            whole,
            b"" if body is None else orjson.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        http.META["hearth.raw_path"] = urlsplit(whole).path
        response = dispatch(http)
        content = response.content  # type: ignore[attr-defined]
        return Answer(response.status_code, orjson.loads(content) if content else None)

    def get(self, path: str) -> Answer:
        """GET."""
        return self.request("GET", path)

    def put(self, path: str, body: Any) -> Answer:
        """PUT."""
        return self.request("PUT", path, body)

    def post(self, path: str, body: Any = None) -> Answer:
        """POST, with an empty object as body by default."""
        return self.request("POST", path, {} if body is None else body)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.request("DELETE", path)

    def create_room(self, **body: Any) -> str:
        """Make a room; its ID."""
        answer = self.post("/createRoom", body)
        assert answer.status == 200, answer
        room_id: str = answer.body["room_id"]
        return room_id

    def send(self, room_id: str, body: str = "hello", txn_id: str | None = None) -> Answer:
        """Send a text message."""
        txn = txn_id or f"t{next(_serial)}"
        content = {"msgtype": "m.text", "body": body}
        return self.put(f"/rooms/{quote(room_id)}/send/m.room.message/{txn}", content)

    def set_state(self, room_id: str, event_type: str, content: dict[str, Any], key: str = "") -> Answer:
        """Set an entry of a room's state."""
        return self.put(f"/rooms/{quote(room_id)}/state/{event_type}/{quote(key, safe='')}", content)

    def change(self, room_id: str, action: str, **body: Any) -> Answer:
        """POST /rooms/{room_id}/{action}: join, leave, invite, kick, ban, unban, forget."""
        return self.post(f"/rooms/{quote(room_id)}/{action}", body)


class ClientFactory:
    """Makes users with a device and a token each."""

    def make(
        self,
        localpart: str | None = None,
        *,
        guest: bool = False,
        admin: bool = False,
        suspended: bool = False,
    ) -> Client:
        """A client of a new user."""
        user_id = f"@{localpart or f'user{next(_serial)}'}:{local_server_name()}"
        now = int(time.time() * 1000)
        token = new_token("test")
        with db.write():
            nid = interning.user_nid(user_id)
            db.execute(
                "INSERT INTO account (user_nid, is_admin, is_guest, created_ts, suspended_ts, erased,"
                " terms_version) VALUES (%s, %s, %s, %s, %s, %s, '')",
                (nid, admin, guest, now, now if suspended else None, False),
            )
            device_nid = sessions.put_device(nid, "DEVICE", None, now)
            token_nid = sessions.put_token(hash_token(token), nid, device_nid, None, now)
        requester = Requester(
            user_id=user_id,
            user_nid=nid,
            device_id="DEVICE",
            device_nid=device_nid,
            token_nid=token_nid,
            is_guest=guest,
            is_admin=admin,
            is_suspended=suspended,
        )
        return Client(requester, token)

    def suspend(self, client: Client) -> None:
        """Suspend the account of a client that has been used already."""
        with db.write():
            sql = "UPDATE account SET suspended_ts = 1 WHERE user_nid = %s"
            db.execute(sql, (client.requester.user_nid,))

    def sign_in(self, account: Account) -> Client:
        """A client of a user who has an account already."""
        session = create_session(account.user_id, account.user_nid)
        owner = sessions.find_token(hash_token(session.access_token))
        assert owner is not None
        requester = Requester(
            user_id=account.user_id,
            user_nid=account.user_nid,
            device_id=session.device_id,
            device_nid=session.device_nid,
            token_nid=owner.token_nid,
        )
        return Client(requester, session.access_token)

    def many(self, count: int) -> list[Client]:
        """Several clients of new users."""
        return [self.make() for _ in range(count)]
