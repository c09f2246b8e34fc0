"""A user of matrix-nio whose device encrypts, and verifies others by comparing emoji."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import nio
from nio.crypto import OlmDevice, Sas
from nio.event_builders import ToDeviceMessage

from tests.clients.nio_people import PASSWORD, Person, ok, person

PATIENCE = 30
SAS = "m.sas.v1"
VERIFICATION = "m.key.verification"


class Correspondent(Person):
    """A user with one device that encrypts and syncs all the time."""

    def __init__(self, client: nio.AsyncClient) -> None:
        super().__init__(client)
        self.encrypted: set[str] = set()
        self._news = asyncio.Event()
        self._received: list[tuple[str, str, dict[str, Any]]] = []
        self._unreadable: list[str] = []
        client.add_event_callback(self._fail, nio.MegolmEvent)
        client.add_to_device_callback(self._note, nio.ToDeviceEvent)
        client.add_response_callback(self._synced, nio.SyncResponse)

    def _hear(self, room: nio.MatrixRoom, event: nio.Event) -> None:
        super()._hear(room, event)
        if event.decrypted:
            self.encrypted.add(event.event_id)

    def _fail(self, _room: nio.MatrixRoom, event: nio.Event) -> None:
        self._unreadable.append(event.event_id)

    async def unreadable(self) -> list[str]:
        """The events that came and could not be decrypted."""
        return self._unreadable

    async def _note(self, event: nio.ToDeviceEvent) -> None:
        source = event.source
        if source["type"].startswith(VERIFICATION):
            self._received.append((source["type"], source["sender"], source["content"]))

    async def _synced(self, _response: nio.SyncResponse) -> None:
        self._news.set()

    async def wait_until(self, what: str, test: Any) -> Any:
        """The first true answer of `test`, which is asked again after each sync."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := test()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}") from None
        return found

    async def say(self, room: str, body: str) -> str:
        """Send an encrypted message, also to devices that nobody verified."""
        content = {"msgtype": "m.text", "body": body}
        answer = await self.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        return str(ok(answer, nio.RoomSendResponse).event_id)

    async def hears(self, sender: str, body: str) -> None:
        """The message comes, once, and was encrypted."""
        await self.wait_until(f"“{body}” of {sender}", lambda: (sender, body) in self.heard)
        assert self.heard.count((sender, body)) == 1, "a message came twice"

    async def joins(self, room: str, members: int = 2) -> None:
        """Join a room that this user is invited to, and wait until it is known as encrypted."""
        await self.wait_until("the invitation", lambda: room in self.client.invited_rooms)
        ok(await self.client.join(room), nio.JoinResponse)
        await self.knows_as_encrypted(room, members)

    async def knows_as_encrypted(self, room: str, members: int = 2) -> None:
        """The room is in a sync, with its encryption and its members."""
        rooms = self.client.rooms
        await self.wait_until(
            "the encrypted room",
            lambda: room in rooms and rooms[room].encrypted and len(rooms[room].users) == members,
        )

    async def device_of(self, user_id: str, device_id: str) -> OlmDevice:
        """The other's device, once this one has its keys."""
        store = self.client.device_store
        await self.wait_until(f"the device {device_id}", lambda: device_id in store[user_id])
        return store[user_id][device_id]

    # Verification, one at a time.

    async def receives(self, kind: str) -> dict[str, Any]:
        """The content of the next message of a verification that is of this kind."""
        wanted = f"{VERIFICATION}.{kind}"

        def found() -> Any:
            return next((content for name, _, content in self._received if name == wanted), None)

        content: dict[str, Any] = await self.wait_until(wanted, found)
        self._received = [one for one in self._received if one[2] is not content]
        return content

    async def _tell(self, kind: str, device: OlmDevice, content: dict[str, Any]) -> None:
        message = ToDeviceMessage(f"{VERIFICATION}.{kind}", device.user_id, device.id, content)
        ok(await self.client.to_device(message), nio.ToDeviceResponse)

    async def asks(self, device: OlmDevice) -> str:
        """Ask the device for a verification, wait until it is ready, and start; the transaction."""
        transaction = secrets.token_hex(8)
        mine = {"from_device": self.client.device_id, "methods": [SAS], "transaction_id": transaction}
        await self._tell("request", device, {**mine, "timestamp": int(time.time() * 1000)})
        assert SAS in (await self.receives("ready"))["methods"]
        olm = self.client.olm
        assert olm is not None
        identity = olm.account.identity_keys["ed25519"]
        sas = Sas(self.client.user_id, self.client.device_id, identity, device, transaction)
        olm.key_verifications[transaction] = sas
        ok(await self.client.to_device(sas.start_verification()), nio.ToDeviceResponse)
        return transaction

    async def is_asked(self, user_id: str) -> str:
        """Take up the verification that a device of the user asks for and starts; the transaction."""
        request = await self.receives("request")
        device = await self.device_of(user_id, request["from_device"])
        transaction = str(request["transaction_id"])
        ready = {"from_device": self.client.device_id, "methods": [SAS], "transaction_id": transaction}
        await self._tell("ready", device, ready)
        await self.accepts_start()
        return transaction

    async def accepts_start(self) -> str:
        """Accept the verification that another device has started; the transaction."""
        transaction = str((await self.receives("start"))["transaction_id"])
        ok(await self.client.accept_key_verification(transaction), nio.ToDeviceResponse)
        return transaction

    async def emoji(self, transaction: str) -> list[str]:
        """The emoji to compare."""
        sas = self.client.key_verifications[transaction]
        await self.wait_until("the other's key", lambda: sas.established_sas)
        return [symbol for symbol, _name in sas.get_emoji()]

    async def confirms(self, transaction: str) -> None:
        """They match: both devices count as verified, and are told so."""
        sas = self.client.key_verifications[transaction]
        ok(await self.client.confirm_short_auth_string(transaction), nio.ToDeviceResponse)
        await self.wait_until("the other's confirmation", lambda: sas.verified)
        await self._tell("done", sas.other_olm_device, {"transaction_id": transaction})
        assert self.client.device_store[sas.other_olm_device.user_id][sas.other_olm_device.id].verified


@asynccontextmanager
async def correspondent(url: str, kind: str) -> AsyncIterator[Correspondent]:
    """A new user with a device that encrypts, and syncs until the end of the block."""
    async with person(url, kind) as new:
        user_id = new.user_id
    async with another_device(url, user_id) as user:
        yield user


@asynccontextmanager
async def another_device(url: str, user_id: str) -> AsyncIterator[Correspondent]:
    """A further device of a user."""
    with tempfile.TemporaryDirectory(prefix="hearth-nio-") as store:
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
        client = nio.AsyncClient(url, user_id, store_path=store, config=config)
        try:
            ok(await client.login(PASSWORD, device_name="another"), nio.LoginResponse)
            async with _syncing(client) as user:
                yield user
        finally:
            await client.close()


@asynccontextmanager
async def _syncing(client: nio.AsyncClient) -> AsyncIterator[Correspondent]:
    user = Correspondent(client)
    syncing = asyncio.create_task(client.sync_forever(timeout=20_000, full_state=True))
    try:
        await user.wait_until("the upload of keys", lambda: client.olm and client.olm.account.shared)
        yield user
    finally:
        syncing.cancel()
        with suppress(asyncio.CancelledError):
            await syncing
