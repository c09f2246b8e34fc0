"""Two people use a homeserver through matrix-nio, and everything they should see is asserted.

    python -m tests.clients.nio_life http://127.0.0.1:8008

Registration must be open, with `m.login.dummy` as its only stage.
"""

from __future__ import annotations

import asyncio
import io
import sys

import nio

from tests.clients.nio_people import Person, ok, person

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\xdac\xf8\xff\xff?\x03\x00\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82"
)


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
    async with person(url, "alice") as alice, person(url, "bob") as bob:
        room = await open_room(alice, bob)
        await converse(alice, bob, room)
        await page_back(bob, room)
        await dress_up(alice, bob, room)
        await react_and_redact(alice, bob, room)
        await part(alice, bob, room)


if __name__ == "__main__":
    asyncio.run(story(sys.argv[1]))
    print("told to the end")
