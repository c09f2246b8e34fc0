"""Two people of matrix-nio have an encrypted room, verify each other, and take their keys to a new device.

    python -m tests.clients.nio_encryption http://127.0.0.1:8008 http://127.0.0.1:8009

The servers may be one. On both, registration must be open, with `m.login.dummy` as its only stage.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import nio

from tests.clients.nio_encrypted import Correspondent, another_device, correspondent
from tests.clients.nio_people import ok

ENCRYPTED = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}
PASSPHRASE = "what only Bob knows"


async def open_room(alice: Correspondent, bob: Correspondent) -> str:
    """An encrypted room of Alice's that Bob has joined by her invitation."""
    created = await alice.client.room_create(
        name="Parlour",
        preset=nio.RoomPreset.private_chat,
        is_direct=True,
        invite=[bob.user_id],
        initial_state=[ENCRYPTED],
    )
    room = str(ok(created, nio.RoomCreateResponse).room_id)
    await bob.joins(room)
    await alice.knows_as_encrypted(room)
    return room


async def converse(alice: Correspondent, bob: Correspondent, room: str) -> None:
    """They answer each other, and the server sees none of it."""
    for turn in range(3):
        for speaker, listener in ((alice, bob), (bob, alice)):
            text = f"{turn} from {speaker.user_id} ✓"
            event_id = await speaker.say(room, text)
            await listener.hears(speaker.user_id, text)
            assert event_id in listener.encrypted
            stored = ok(await speaker.client.room_get_event(room, event_id), nio.RoomGetEventResponse)
            assert stored.event.decrypted, "the server has it in clear"


async def verify(alice: Correspondent, bob: Correspondent) -> None:
    """Alice's device starts, they compare emoji, and each holds the other's device for verified."""
    device = await alice.device_of(bob.user_id, bob.client.device_id)
    await bob.device_of(alice.user_id, alice.client.device_id)
    ok(await alice.client.start_key_verification(device), nio.ToDeviceResponse)
    transaction = await bob.accepts_start()
    assert await alice.emoji(transaction) == await bob.emoji(transaction)
    await asyncio.gather(alice.confirms(transaction), bob.confirms(transaction))


async def move(bob_url: str, bob: Correspondent, room: str) -> None:
    """A new device of Bob's imports the keys that the old one exported, and reads what was said before."""
    with tempfile.TemporaryDirectory(prefix="hearth-nio-") as folder:
        keys = str(Path(folder) / "keys.txt")
        await bob.client.export_keys(keys, PASSPHRASE)
        async with another_device(bob_url, bob.user_id) as new:
            await new.client.import_keys(keys, PASSPHRASE)
            await new.knows_as_encrypted(room)
            start = new.client.next_batch
            page = await new.client.room_messages(room, start, limit=50, direction=nio.MessageDirection.back)
            events = ok(page, nio.RoomMessagesResponse).chunk
            assert not [event for event in events if isinstance(event, nio.MegolmEvent)]
            read = {(event.sender, event.body) for event in events if isinstance(event, nio.RoomMessageText)}
            assert set(bob.heard) <= read
            ok(await new.client.logout(), nio.LogoutResponse)


async def story(alice_url: str, bob_url: str) -> None:
    """The whole of it, with users of its own."""
    async with correspondent(alice_url, "alice") as alice, correspondent(bob_url, "bob") as bob:
        room = await open_room(alice, bob)
        await converse(alice, bob, room)
        await verify(alice, bob)
        await move(bob_url, bob, room)


if __name__ == "__main__":
    asyncio.run(story(*sys.argv[1:3]))
    print("told to the end")
