"""Publishing signatures on keys that are there already ("/keys/signatures/upload")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from matrix_app.http.requester import Requester
from matrix_app.protocol.encryption_keys import (
    ED25519,
    MASTER,
    SELF_SIGNING,
    USER_SIGNING,
    CrossSigningKey,
    load_cross_signing_key,
    same_but_for_signatures,
    verify_signature,
)
from matrix_app.protocol.errors import (
    BadJson,
    InvalidKeySignature,
    InvalidParam,
    MatrixError,
    NotFound,
    TooLarge,
)
from matrix_app.protocol.ids import parse_user_id
from matrix_app.services.cross_signing import stored_keys
from matrix_app.services.query_remote_keys import RemoteQuery
from matrix_app.services.user_servers import split_by_server
from matrix_app.storage import cross_signing, db, device_keys, devices, interning, key_signatures
from matrix_app.storage.key_signatures import KeySignature
from matrix_app.storage.user_lock import lock_user

MOST_SIGNATURES: Final = 1000
# How long other servers may take to tell the keys that are signed.
ASKED_SECONDS: Final = 10.0

# User ID to device ID or public key to the signed object.
Signed = Mapping[str, Mapping[str, Any]]
Failures = dict[str, dict[str, Any]]


class _Signer(NamedTuple):
    """Who signs, with what: cross-signing keys by usage, device keys by device ID."""

    user_id: str
    user_nid: int
    keys: Mapping[str, CrossSigningKey]
    devices: Mapping[str, dict[str, Any]]


def upload_signatures(requester: Requester, signed: Signed) -> Failures:
    """Store the requester's signatures that are valid; errors for the others by user and key.

    Signatures on the requester's own devices and master key are shown to all who see those, and signatures on
    other users' master keys to the requester alone. Master keys that are not here are asked for first.
    """
    if sum(len(keys) for keys in signed.values()) > MOST_SIGNATURES:
        raise TooLarge(f"At most {MOST_SIGNATURES} keys can be signed at once")
    others = [parse_user_id(user_id) for user_id in signed if user_id != requester.user_id]
    masters = _masters(others)
    query = RemoteQuery(split_by_server({name: [] for name in others if name not in masters})[1])
    told = {
        user_id: load_cross_signing_key(keys.master)
        for user_id, keys in query.ask(ASKED_SECONDS).items()
        if keys.master is not None
    }
    return _store_valid(requester, signed, {**masters, **told})


def _store_valid(requester: Requester, signed: Signed, masters: Mapping[str, CrossSigningKey]) -> Failures:
    signer = _signer(requester)
    found: list[KeySignature] = []
    failures: Failures = {}
    for user_id, keys in signed.items():
        for key_id, obj in keys.items():
            try:
                if user_id == signer.user_id:
                    found += _on_own_key(signer, key_id, obj)
                else:
                    found.append(_on_other_user(signer, user_id, masters.get(user_id), key_id, obj))
            except MatrixError as error:
                failures.setdefault(user_id, {})[key_id] = error.body()
    _store(signer.user_nid, found)
    return failures


def _signer(requester: Requester) -> _Signer:
    own = {row.device_id: orjson.loads(row.keys) for row in device_keys.of_users([requester.user_nid])}
    return _Signer(requester.user_id, requester.user_nid, stored_keys(requester.user_nid), own)


def _masters(user_ids: Iterable[str]) -> dict[str, CrossSigningKey]:
    """The master keys of users, local or remote, as far as they are here."""
    names = {nid: user_id for user_id, nid in interning.user_nids(user_ids).items()}
    return {
        names[row.user_nid]: load_cross_signing_key(row.key)
        for row in (cross_signing.of_users(names, (MASTER,)) if names else [])
    }


def _on_own_key(signer: _Signer, key_id: str, obj: Any) -> list[KeySignature]:
    master = signer.keys.get(MASTER)
    if master is not None and key_id == master.public_key:
        return _on_own_master(signer, master, obj)
    if key_id not in signer.devices:
        raise NotFound("Unknown device or key")
    _check_same(obj, signer.devices[key_id])
    by = _own(signer, SELF_SIGNING)
    return [_signature(signer, by.key_id, by.public_key, (signer.user_nid, key_id), obj)]


def _on_own_master(signer: _Signer, master: CrossSigningKey, obj: Any) -> list[KeySignature]:
    """Devices that were verified before there was a master key vouch for it."""
    _check_same(obj, master.content)
    found = []
    for name in _names(obj, signer.user_id):
        device = signer.devices.get(name.removeprefix(ED25519), {})
        public_key = device.get("keys", {}).get(name)
        if public_key is None:
            raise InvalidKeySignature(f"The user has no device with the key {name}")
        found.append(_signature(signer, name, public_key, (signer.user_nid, master.public_key), obj))
    if not found:
        raise InvalidKeySignature("No signature by a device of the user")
    return found


def _on_other_user(
    signer: _Signer, user_id: str, master: CrossSigningKey | None, key_id: str, obj: Any
) -> KeySignature:
    if master is None:
        raise NotFound("The user has no master key")
    if key_id != master.public_key:
        raise NotFound("Only the master keys of other users are signed, and this is another key")
    _check_same(obj, master.content)
    by = _own(signer, USER_SIGNING)
    return _signature(signer, by.key_id, by.public_key, (interning.user_nid(user_id), key_id), obj)


def _own(signer: _Signer, usage: str) -> CrossSigningKey:
    if usage not in signer.keys:
        raise NotFound(f"The user has no {usage} key")
    return signer.keys[usage]


def _check_same(obj: Any, stored: dict[str, Any]) -> None:
    # "The signed JSON object must match the key previously uploaded or retrieved for the given key ID."
    if not isinstance(obj, dict):
        raise BadJson("A signed key must be an object")
    if not same_but_for_signatures(obj, stored):
        raise InvalidParam("The key is not the one that the server has")


def _names(obj: dict[str, Any], user_id: str) -> list[str]:
    signatures = obj.get("signatures")
    by_user = signatures.get(user_id) if isinstance(signatures, dict) else None
    return list(by_user) if isinstance(by_user, dict) else []


def _signature(
    signer: _Signer, key_id: str, public_key: str, target: tuple[int, str], obj: dict[str, Any]
) -> KeySignature:
    verify_signature(obj, signer.user_id, key_id, public_key)
    return KeySignature(signer.user_nid, key_id, *target, obj["signatures"][signer.user_id][key_id])


def _store(signer_nid: int, found: list[KeySignature]) -> None:
    if not found:
        return
    others = sorted({signature.target_nid for signature in found} - {signer_nid})
    with db.write():
        lock_user(signer_nid)
        key_signatures.put_many(found)
        _note_own(signer_nid, {key.target_key for key in found if key.target_nid == signer_nid})
        key_signatures.note_private(signer_nid, others)


def _note_own(user_nid: int, signed: set[str]) -> None:
    """Tell others of new signatures on the user's own devices and cross-signing keys."""
    own = {device_id for _, device_id, _ in devices.addresses([user_nid])} if signed else set()
    for device_id in sorted(signed & own):
        devices.device_list_changed(user_nid, device_id)
    if signed - own:
        devices.device_list_changed(user_nid)
