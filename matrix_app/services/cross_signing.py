"""Publishing cross-signing keys ("Cross-signing")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.encryption_keys import (
    MASTER,
    SELF_SIGNING,
    USAGES,
    USER_SIGNING,
    CrossSigningKey,
    load_cross_signing_key,
    parse_cross_signing_key,
    verify_signature,
)
from matrix_app.protocol.errors import BadJson, Forbidden, MissingParam
from matrix_app.storage import cross_signing, db, devices, key_signatures
from matrix_app.storage.user_lock import lock_user

Keys = Mapping[str, CrossSigningKey]


def read_upload(requester: Requester, body: Mapping[str, Any]) -> Keys:
    """The keys in the body of an upload by usage, checked.

    Raises `BadRequest` for keys that are malformed, not the requester's or not signed by the master key, and
    `Forbidden` for one that is called as a device is.
    """
    keys: dict[str, CrossSigningKey] = {}
    for usage in USAGES:
        value = body.get(f"{usage}_key")
        if value is None:
            continue
        if not isinstance(value, dict):
            raise BadJson(f"{usage}_key must be an object")
        keys[usage] = parse_cross_signing_key(value, requester.user_id, usage)
    _check_names(requester.user_nid, keys)
    _check_signatures(requester, keys)
    return keys


def _check_names(user_nid: int, keys: Keys) -> None:
    """A cross-signing key may not have the ID of a device: both are called `ed25519:ID`."""
    taken = {device_id for _, device_id, _ in devices.addresses([user_nid])}
    if any(key.public_key in taken for key in keys.values()):
        raise Forbidden("Key ID in use")


def _check_signatures(requester: Requester, keys: Keys) -> None:
    # "Must be signed by the accompanying master signing key, or by the user's most recently uploaded master
    # signing key if no master signing key is included in the request."
    master = keys.get(MASTER) or stored_keys(requester.user_nid).get(MASTER)
    if master is None:
        raise MissingParam("No master signing key is available")
    for usage in (SELF_SIGNING, USER_SIGNING):
        if usage in keys:
            verify_signature(keys[usage].content, requester.user_id, master.key_id, master.public_key)


def stored_keys(user_nid: int) -> Keys:
    """The keys that a user has, by usage."""
    return {usage: load_cross_signing_key(key) for usage, key in cross_signing.of_user(user_nid).items()}


def needs_authentication(requester: Requester, keys: Keys) -> bool:
    """Whether the user has to authenticate anew: there is a master key, and something would change."""
    if requester.appservice_id is not None:
        return False
    stored = stored_keys(requester.user_nid)
    return MASTER in stored and bool(_new_usages(stored, keys))


def upload_cross_signing_keys(requester: Requester, keys: Keys, *, authenticated: bool) -> None:
    """Store keys that `read_upload` has checked; keys which are there already are left as they are.

    With a new master key all that hung on the old one goes. Raises `Forbidden` when somebody who has not
    authenticated would replace keys that were uploaded meanwhile.
    """
    with db.write():
        lock_user(requester.user_nid)
        stored = stored_keys(requester.user_nid)
        new = _new_usages(stored, keys)
        if MASTER in stored and new and not authenticated and requester.appservice_id is None:
            raise Forbidden("Other keys have been uploaded meanwhile")
        if MASTER in new:
            cross_signing.delete(requester.user_nid, USAGES)
            cross_signing.end_reset(requester.user_nid)
        _forget(requester.user_nid, [stored[u] for u in stored if u in new or MASTER in new])
        for usage in new:
            cross_signing.put(requester.user_nid, usage, encode_canonical(keys[usage].content))
        if new == {USER_SIGNING}:
            # Nobody else sees this key.
            key_signatures.note_private(requester.user_nid, [requester.user_nid])
        elif new:
            devices.device_list_changed(requester.user_nid)


def _new_usages(stored: Keys, keys: Keys) -> set[str]:
    return {
        usage
        for usage, key in keys.items()
        if usage not in stored or stored[usage].public_key != key.public_key
    }


def _forget(user_nid: int, replaced: Iterable[CrossSigningKey]) -> None:
    gone = list(replaced)
    if gone:
        key_signatures.forget_targets(user_nid, [key.public_key for key in gone])
        key_signatures.forget_signers(user_nid, [key.key_id for key in gone])
