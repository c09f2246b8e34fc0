"""The identity keys of devices and users, for somebody who wants to encrypt for them ("/keys/query")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from orjson import Fragment

from matrix_app.protocol.encryption_keys import MASTER, SELF_SIGNING, USER_SIGNING, load_cross_signing_key
from matrix_app.protocol.remote_keys import RemoteKeys
from matrix_app.services.query_remote_keys import RemoteQuery, Wanted
from matrix_app.services.remote_keys import seconds_of
from matrix_app.services.user_servers import split_by_server
from matrix_app.storage import cross_signing, device_keys, interning, key_signatures
from matrix_app.storage.device_keys import DeviceKeysRow
from matrix_app.storage.key_signatures import KeySignature

NOBODY = 0
_EMPTY = b',"unsigned":{}}'


class FoundKeys(NamedTuple):
    """What an answer holds: by user ID, devices by device ID, and cross-signing keys."""

    device_keys: dict[str, dict[str, Any]]
    master_keys: dict[str, Any]
    self_signing_keys: dict[str, Any]
    user_signing_keys: dict[str, Any]


# (target nid, device ID or public key) to the signatures on it
_SignaturesOf = dict[tuple[int, str], list[KeySignature]]


def query_keys(wanted: Wanted, viewer_nid: int, timeout_ms: int) -> dict[str, Any]:
    """The keys of users anywhere as `viewer_nid` may see them, and an error for each silent server."""
    local, remote = split_by_server(wanted)
    query = RemoteQuery(remote)
    fresh = query.ask(seconds_of(timeout_ms))
    found = query_known_keys({**local, **query.cached}, viewer_nid)
    _add_fresh(found, fresh, wanted, viewer_nid)
    failures = {server: error.body() for server, error in query.failures.items()}
    return {**found._asdict(), "failures": failures}


def _add_fresh(found: FoundKeys, fresh: Mapping[str, RemoteKeys], wanted: Wanted, viewer_nid: int) -> None:
    """Add what servers have just told, with the viewer's own signatures."""
    nids = interning.user_nids(fresh) if fresh else {}
    signatures = _signatures_on(nids.values(), viewer_nid) if nids else {}
    for user_id, keys in fresh.items():
        found.device_keys[user_id] = {
            device_id: _with_name(device.keys, device.display_name)
            for device_id, device in keys.devices.items()
            if not wanted[user_id] or device_id in wanted[user_id]
        }
        if keys.master is not None:
            found.master_keys[user_id] = _master(keys.master, nids.get(user_id, NOBODY), signatures)
        if keys.self_signing is not None:
            found.self_signing_keys[user_id] = Fragment(keys.self_signing)


def query_known_keys(wanted: Wanted, viewer_nid: int = NOBODY, *, names: bool = True) -> FoundKeys:
    """The keys that are stored here of users; a user whom nobody has met is left out.

    Without a viewer, as for other servers, only what everybody may see is told. `names` tells the names of
    the devices.
    """
    found = FoundKeys({}, {}, {}, {})
    user_ids = {nid: user_id for user_id, nid in interning.user_nids(wanted).items()}
    if not user_ids:
        return found
    signatures = _signatures_on(user_ids, viewer_nid)
    found.device_keys.update((user_id, {}) for user_id in user_ids.values())
    for row in device_keys.of_users(user_ids):
        user_id = user_ids[row.user_nid]
        if not wanted[user_id] or row.device_id in wanted[user_id]:
            found.device_keys[user_id][row.device_id] = _device(row, signatures, names)
    _add_cross_signing(found, user_ids, viewer_nid, signatures)
    return found


def _signatures_on(user_nids: Iterable[int], viewer_nid: int) -> _SignaturesOf:
    found: _SignaturesOf = {}
    for signature in key_signatures.visible(user_nids, viewer_nid):
        found.setdefault((signature.target_nid, signature.target_key), []).append(signature)
    return found


def _device(row: DeviceKeysRow, signatures: _SignaturesOf, names: bool) -> Fragment:
    keys = row.keys
    added = signatures and signatures.get((row.user_nid, row.device_id))
    if added:
        keys = orjson.dumps(_with_signatures(orjson.loads(keys), added))
    return _with_name(keys, row.display_name if names else None)


def _with_name(keys: bytes, display_name: str | None) -> Fragment:
    # The object is not empty, so that `unsigned` can be set in before its end.
    if display_name is None:
        return Fragment(keys[:-1] + _EMPTY)
    unsigned = orjson.dumps({"device_display_name": display_name})
    return Fragment(keys[:-1] + b',"unsigned":' + unsigned + b"}")


def _add_cross_signing(
    found: FoundKeys, user_ids: Mapping[int, str], viewer_nid: int, signatures: _SignaturesOf
) -> None:
    for row in cross_signing.of_users(user_ids, (MASTER, SELF_SIGNING)):
        user_id = user_ids[row.user_nid]
        if row.usage == MASTER:
            found.master_keys[user_id] = _master(row.key, row.user_nid, signatures)
        else:
            found.self_signing_keys[user_id] = Fragment(row.key)
    if viewer_nid in user_ids:
        own = cross_signing.of_user(viewer_nid).get(USER_SIGNING)
        if own is not None:
            found.user_signing_keys[user_ids[viewer_nid]] = Fragment(own)


def _master(stored: bytes, user_nid: int, signatures: _SignaturesOf) -> dict[str, Any]:
    key = load_cross_signing_key(stored)
    return _with_signatures(key.content, signatures.get((user_nid, key.public_key), []))


def _with_signatures(key: dict[str, Any], added: Sequence[KeySignature]) -> dict[str, Any]:
    for signature in added:
        signer = interning.user_id_of(signature.signer_nid)
        of_key = key.setdefault("signatures", {})
        of_key.setdefault(signer, {})[signature.key_id] = signature.signature
    return key
