"""Other servers that tell the keys of their users, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable, Unavailable
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.remote_keys import Claims
from matrix_app.services.remote_keys import Asked, Told
from tests.factories.encryption import ALGORITHMS, Key

UNREACHABLE = RemoteUnreachable("no answer")


class RemoteUser:
    """A user of another server, as that server knows them."""

    def __init__(self, user_id: str, *device_ids: str) -> None:
        self.user_id = user_id
        self.devices: dict[str, dict[str, Any]] = {}
        self.names: dict[str, str] = {}
        self.one_time: dict[str, list[tuple[str, Any]]] = {}
        self.master: dict[str, Any] | None = None
        self.self_signing: dict[str, Any] | None = None
        self.stream_id = 10
        for device_id in device_ids:
            self.add(device_id)

    def add(self, device_id: str, name: str | None = None) -> dict[str, Any]:
        """A new device, or new keys of one; the content of the `m.device_list_update` that tells of it."""
        key = Key(self.user_id, device_id)
        self.devices[device_id] = key.sign(
            {
                "user_id": self.user_id,
                "device_id": device_id,
                "algorithms": ALGORITHMS,
                "keys": {key.name: key.public},
            }
        )
        named = {} if name is None else {"device_display_name": name}
        if name is not None:
            self.names[device_id] = name
        return self._update(device_id, keys=self.devices[device_id], **named)

    def remove(self, device_id: str) -> dict[str, Any]:
        """Remove a device; the content of the EDU."""
        del self.devices[device_id]
        return self._update(device_id, deleted=True)

    def _update(self, device_id: str, **more: Any) -> dict[str, Any]:
        before, self.stream_id = self.stream_id, self.stream_id + 1
        ids = {"user_id": self.user_id, "device_id": device_id}
        return {**ids, "stream_id": self.stream_id, "prev_id": [before], **more}

    def cross_sign(self) -> dict[str, Any]:
        """New cross-signing keys; the content of the `m.signing_key_update` that tells of them."""
        master, own = Key(self.user_id), Key(self.user_id)
        self.master = self._cross_signing("master", master)
        self.self_signing = master.sign(self._cross_signing("self_signing", own))
        return {"user_id": self.user_id, "master_key": self.master, "self_signing_key": self.self_signing}

    def _cross_signing(self, usage: str, key: Key) -> dict[str, Any]:
        return {"user_id": self.user_id, "usage": [usage], "keys": {key.name: key.public}}

    def device_list(self) -> dict[str, Any]:
        """The answer to GET /user/devices."""
        devices = [
            {
                "device_id": device_id,
                "keys": keys,
                **({"device_display_name": self.names[device_id]} if device_id in self.names else {}),
            }
            for device_id, keys in self.devices.items()
        ]
        listed = {"user_id": self.user_id, "stream_id": self.stream_id, "devices": devices}
        keys = {"master_key": self.master, "self_signing_key": self.self_signing}
        return {**listed, **{name: key for name, key in keys.items() if key is not None}}

    def claim(self, device_id: str, algorithm: str) -> dict[str, Any]:
        """A one-time key, once."""
        keys = self.one_time.get(device_id)
        if not keys or not keys[0][0].startswith(algorithm):
            return {}
        name, key = keys.pop(0)
        return {name: key}


class KeyServers:
    """All other servers: `faults` has those that do not answer, `asked` what was asked, in order."""

    def __init__(self, *users: RemoteUser) -> None:
        self.users = {user.user_id: user for user in users}
        self.faults: dict[str, MatrixError] = {}
        self.asked: list[tuple[str, str, Any]] = []
        # Answers that are told in the place of what is so.
        self.lies: dict[str, Any] = {}
        self.too_many_wait = False
        # Whether they know of device lists, or of keys alone.
        self.know_lists = True

    def reset(self, *users: RemoteUser) -> None:
        """Other servers with these users."""
        self.__init__(*users)  # type: ignore[misc]

    def query(self, asked: Mapping[str, Asked], seconds: float) -> dict[str, Told]:
        """See `services.remote_keys.KeyServers`."""
        self._be_available()
        return {server: self._told(server, what) for server, what in asked.items()}

    def claim(self, claims: Mapping[str, Claims], seconds: float) -> dict[str, dict[str, Any] | MatrixError]:
        """See `services.remote_keys.KeyServers`."""
        self._be_available()
        return {server: self._claimed(server, what) for server, what in claims.items()}

    def _be_available(self) -> None:
        if self.too_many_wait:
            raise Unavailable("Too many requests wait for other servers")

    async def device_list(self, server: str, user_id: str, seconds: float) -> Any:
        """See `FederatedKeys.device_list`."""
        return self._list(server, user_id)

    async def queried_list(self, server: str, user_id: str, seconds: float) -> Any:
        """See `FederatedKeys.queried_list`."""
        return self._keys(server, {user_id: []})

    def _list(self, server: str, user_id: str) -> Any:
        self.asked.append((server, "devices", user_id))
        if server in self.faults:
            raise self.faults[server]
        assert domain_of(user_id) == server
        if not self.know_lists:
            raise RemoteError(server, 404, {"errcode": "M_UNRECOGNIZED"})
        if user_id not in self.users:
            raise RemoteError(server, 404, {"errcode": "M_NOT_FOUND"})
        return self.lies.get("devices", self.users[user_id].device_list())

    def _told(self, server: str, asked: Asked) -> Told:
        try:
            lists = {user_id: self._list(server, user_id) for user_id in asked.lists}
            return Told(lists, self._keys(server, asked.keys) if asked.keys else None, None)
        except MatrixError as error:
            return Told({}, None, error)

    def _keys(self, server: str, wanted: Mapping[str, Any]) -> Any:
        self.asked.append((server, "query", wanted))
        if server in self.faults:
            raise self.faults[server]
        found: dict[str, Any] = {"device_keys": {}, "master_keys": {}, "self_signing_keys": {}}
        for user_id, ids in wanted.items():
            user = self.users.get(user_id)
            if user is None:
                continue
            found["device_keys"][user_id] = {
                name: {**keys, "unsigned": {"device_display_name": user.names.get(name)}}
                for name, keys in user.devices.items()
                if not ids or name in ids
            }
            found["master_keys"].update({user_id: user.master} if user.master else {})
            found["self_signing_keys"].update({user_id: user.self_signing} if user.self_signing else {})
        return self.lies.get("query", found)

    def _claimed(self, server: str, claims: Claims) -> dict[str, Any] | MatrixError:
        self.asked.append((server, "claim", claims))
        if server in self.faults:
            return self.faults[server]
        keys = {
            user_id: {
                device_id: self.users[user_id].claim(device_id, algorithm)
                for device_id, algorithm in of_devices.items()
            }
            for user_id, of_devices in claims.items()
            if user_id in self.users
        }
        answer: dict[str, Any] = self.lies.get("claim", {"one_time_keys": keys})
        return answer


# What the settings of the tests name: nobody answers, unless a test lets some.
servers = KeyServers()
