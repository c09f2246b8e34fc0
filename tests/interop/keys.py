"""The encryption keys of people, as their clients make and upload them."""

from __future__ import annotations

from typing import Any

from tests.factories.encryption import ALGORITHMS, Key
from tests.interop.people import Person


class DeviceKeys:
    """The keys of somebody's device."""

    def __init__(self, owner: Person) -> None:
        self.owner = owner
        self.key = Key(owner.user_id, owner.device_id)
        self.keys = self.key.sign(
            {
                "user_id": owner.user_id,
                "device_id": owner.device_id,
                "algorithms": ALGORITHMS,
                "keys": {self.key.name: self.key.public, f"curve25519:{owner.device_id}": self.key.public},
            }
        )

    def upload(self, one_time: int = 0) -> dict[str, Any]:
        """Upload the device's keys and so many one-time keys; the latter."""
        keys = {f"signed_curve25519:K{n}": self.key.sign({"key": self.key.public}) for n in range(one_time)}
        self.owner.post("keys", "upload", body={"device_keys": self.keys, "one_time_keys": keys})
        return keys


class CrossSigningKeys:
    """Somebody's cross-signing keys."""

    def __init__(self, owner: Person) -> None:
        self.owner = owner
        master, self_signing, user_signing = (Key(owner.user_id) for _ in range(3))
        self.master = self._of("master", master)
        self.self_signing = master.sign(self._of("self_signing", self_signing))
        self.user_signing = master.sign(self._of("user_signing", user_signing))

    def _of(self, usage: str, key: Key) -> dict[str, Any]:
        return {"user_id": self.owner.user_id, "usage": [usage], "keys": {key.name: key.public}}

    def upload(self) -> None:
        """Upload all three."""
        body = {
            "master_key": self.master,
            "self_signing_key": self.self_signing,
            "user_signing_key": self.user_signing,
        }
        self.owner.post("keys", "device_signing", "upload", body=body)


def ask(asker: Person, user: Person) -> dict[str, Any]:
    """What the asker's server says of a user's keys, or that it cannot say it."""
    answer: dict[str, Any] = asker.post("keys", "query", body={"device_keys": {user.user_id: []}})
    return answer


def query(asker: Person, user: Person) -> dict[str, Any]:
    """What the asker's server says of a user's keys."""
    answer = ask(asker, user)
    assert not answer.get("failures"), answer["failures"]
    return answer


def claim(asker: Person, user: Person) -> dict[str, Any]:
    """The one-time keys that the asker gets of a user's device."""
    wanted = {user.user_id: {user.device_id: "signed_curve25519"}}
    answer = asker.post("keys", "claim", body={"one_time_keys": wanted})
    assert not answer.get("failures"), answer["failures"]
    found: dict[str, Any] = answer["one_time_keys"].get(user.user_id, {}).get(user.device_id, {})
    return found
