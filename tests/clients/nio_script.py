"""Two people use a homeserver through matrix-nio, and everything they should see is asserted.

    python nio_script.py http://127.0.0.1:8008

Registration must be open, with `m.login.dummy` as its only stage.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import nio

R = TypeVar("R")
PASSWORD = "a horse, a battery and a staple"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\xdac\xf8\xff\xff?\x03\x00\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82"
)


def ok(answer: object, kind: type[R]) -> R:
    """The answer, which must be of the kind that nio makes of a valid one."""
    assert isinstance(answer, kind), f"wanted {kind.__name__}, got {answer!r}"
    return answer


class Person:
    """A user with one device, and the messages that its syncs have brought."""

    def __init__(self, client: nio.AsyncClient) -> None:
        self.client = client
        self.heard: list[tuple[str, str]] = []
        client.add_event_callback(self._hear, nio.RoomMessageText)

    @property
    def user_id(self) -> str:
        return str(self.client.user_id)

    def _hear(self, _room: nio.MatrixRoom, event: nio.Event) -> None:
        assert isinstance(event, nio.RoomMessageText)
        self.heard.append((event.sender, event.body))

    async def sync(self, wait_ms: int = 0) -> nio.SyncResponse:
        return ok(await self.client.sync(timeout=wait_ms), nio.SyncResponse)

    async def say(self, room: str, body: str) -> str:
        content = {"msgtype": "m.text", "body": body}
        answer = await self.client.room_send(room, "m.room.message", content)
        return str(ok(answer, nio.RoomSendResponse).event_id)

    async def hears(self, sender: str, body: str) -> None:
        """Sync by long poll until the message is there; that must not take ten seconds."""
        async with asyncio.timeout(10):
            while (sender, body) not in self.heard:
                await self.sync(wait_ms=8000)
        assert self.heard.count((sender, body)) == 1, "a message came twice"


@asynccontextmanager
async def person(url: str, name: str) -> AsyncIterator[Person]:
    """A new user who has registered, logged out and logged in again."""
    client = nio.AsyncClient(url, name, config=nio.AsyncClientConfig(encryption_enabled=False))
    try:
        registered = ok(await client.register(name, PASSWORD, device_name="first"), nio.RegisterResponse)
        assert registered.user_id.startswith(f"@{name}:")
        ok(await client.logout(), nio.LogoutResponse)
        client.device_id = ""  # or nio asks for the same device again
        ok(await client.login("not the password"), nio.LoginError)
        signed_in = ok(await client.login(PASSWORD, device_name="nio"), nio.LoginResponse)
        assert signed_in.user_id == registered.user_id
        assert signed_in.device_id != registered.device_id
        yield Person(client)
    finally:
        await client.close()


async def open_room(alice: Person, bob: Person) -> str:
    """A room of Alice's that Bob has joined by her invitation."""
    await alice.sync()
    await bob.sync()
    created = await alice.client.room_create(
        name="Parlour", topic="Tea", preset=nio.RoomPreset.private_chat, initial_state=[]
    )
    room = str(ok(created, nio.RoomCreateResponse).room_id)
    ok(await bob.client.join(room), nio.JoinError)
    ok(await alice.client.room_invite(room, bob.user_id), nio.RoomInviteResponse)
    invited = await bob.sync(wait_ms=8000)
    assert room in invited.rooms.invite, "the invitation is not in the sync"
    assert bob.client.invited_rooms[room].inviter == alice.user_id
    assert bob.client.invited_rooms[room].name == "Parlour"
    assert ok(await bob.client.join(room), nio.JoinResponse).room_id == room
    joined = await bob.sync(wait_ms=8000)
    assert room in joined.rooms.join
    await alice.sync(wait_ms=8000)
    for one in (alice, bob):
        seen = one.client.rooms[room]
        assert set(seen.users) == {alice.user_id, bob.user_id}
        assert (seen.name, seen.topic) == ("Parlour", "Tea")
    return room


async def converse(alice: Person, bob: Person, room: str) -> None:
    """They answer each other; each message reaches a sync that already waits."""
    for turn in range(5):
        for speaker, listener in ((alice, bob), (bob, alice)):
            text = f"{turn} from {speaker.user_id} ✓"
            waiting = asyncio.create_task(listener.hears(speaker.user_id, text))
            await asyncio.sleep(0.1)
            await speaker.say(room, text)
            await waiting


async def page_back(bob: Person, room: str) -> None:
    """History from the newest message to the creation, in pages of four, each event once."""
    start = (await bob.sync()).next_batch
    found: list[nio.Event] = []
    for _page in range(20):
        answer = await bob.client.room_messages(room, start, limit=4, direction=nio.MessageDirection.back)
        page = ok(answer, nio.RoomMessagesResponse)
        assert len(page.chunk) <= 4
        found += page.chunk
        if not page.end:
            break
        start = page.end
    assert isinstance(found[-1], nio.RoomCreateEvent), f"the oldest is {found[-1]!r}"
    ids = [event.event_id for event in found]
    assert len(ids) == len(set(ids))
    spoken = [(e.sender, e.body) for e in reversed(found) if isinstance(e, nio.RoomMessageText)]
    assert spoken[:10] == [
        (who, f"{turn} from {who} ✓") for turn in range(5) for who in (room_owner(found), bob.user_id)
    ]


def room_owner(events: list[nio.Event]) -> str:
    return next(str(event.sender) for event in events if isinstance(event, nio.RoomCreateEvent))


async def dress_up(alice: Person, bob: Person, room: str) -> None:
    """A new name and picture appear in the profile and, by sync, in the room."""
    uploaded, _keys = await alice.client.upload(io.BytesIO(PNG), "image/png", "dot.png", filesize=len(PNG))
    picture = ok(uploaded, nio.UploadResponse).content_uri
    ok(await alice.client.set_displayname("Alice ♥"), nio.ProfileSetDisplayNameResponse)
    ok(await alice.client.set_avatar(picture), nio.ProfileSetAvatarResponse)
    profile = ok(await bob.client.get_profile(alice.user_id), nio.ProfileGetResponse)
    assert (profile.displayname, profile.avatar_url) == ("Alice ♥", picture)
    async with asyncio.timeout(10):
        while bob.client.rooms[room].users[alice.user_id].avatar_url != picture:
            await bob.sync(wait_ms=8000)
    assert bob.client.rooms[room].user_name(alice.user_id) == "Alice ♥"
    members = ok(await bob.client.joined_members(room), nio.JoinedMembersResponse)
    assert {m.user_id: m.display_name for m in members.members}[alice.user_id] == "Alice ♥"


async def react_and_redact(alice: Person, bob: Person, room: str) -> None:
    """Typing, receipts and a redaction reach the other side."""
    event_id = await alice.say(room, "a slip of the tongue")
    await bob.hears(alice.user_id, "a slip of the tongue")
    ok(await bob.client.room_typing(room, True, 20_000), nio.RoomTypingResponse)
    ok(await bob.client.update_receipt_marker(room, event_id), nio.UpdateReceiptMarkerResponse)
    async with asyncio.timeout(10):
        while bob.user_id not in alice.client.rooms[room].typing_users:
            await alice.sync(wait_ms=8000)
        receipts = alice.client.rooms[room].threaded_read_receipts
        while bob.user_id not in receipts:
            await alice.sync(wait_ms=8000)
    assert receipts[bob.user_id]["main"].event_id == event_id
    ok(await alice.client.room_redact(room, event_id, "a slip"), nio.RoomRedactResponse)
    seen = ok(await bob.client.room_get_event(room, event_id), nio.RoomGetEventResponse)
    assert isinstance(seen.event, nio.RedactedEvent)
    assert seen.event.reason == "a slip"


async def part(alice: Person, bob: Person, room: str) -> None:
    """Bob leaves, both sign out, and their tokens are worth nothing any more."""
    ok(await bob.client.room_leave(room), nio.RoomLeaveResponse)
    async with asyncio.timeout(10):
        while bob.user_id in alice.client.rooms[room].users:
            await alice.sync(wait_ms=8000)
    for one in (alice, bob):
        token = one.client.access_token
        ok(await one.client.logout(), nio.LogoutResponse)
        one.client.access_token = token
        refused = ok(await one.client.whoami(), nio.WhoamiError)
        assert refused.status_code == "M_UNKNOWN_TOKEN"


async def story(url: str) -> None:
    """The whole of it, with users of its own, so that it can be told again on the same server."""
    mark = secrets.token_hex(4)
    async with person(url, f"alice{mark}") as alice, person(url, f"bob{mark}") as bob:
        room = await open_room(alice, bob)
        await converse(alice, bob, room)
        await page_back(bob, room)
        await dress_up(alice, bob, room)
        await react_and_redact(alice, bob, room)
        await part(alice, bob, room)


if __name__ == "__main__":
    asyncio.run(story(sys.argv[1]))
    print("told to the end")
