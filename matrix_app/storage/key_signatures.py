"""Signatures on keys that were uploaded after the keys, and who is to hear of those that few see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.stream import Change, Kind, append


class KeySignature(NamedTuple):
    """A signature on a device (`target_key` is its ID) or a cross-signing key (its public key)."""

    signer_nid: int
    key_id: str
    target_nid: int
    target_key: str
    signature: str


_COLUMNS = ", ".join(KeySignature._fields)


def visible(target_nids: Iterable[int], viewer_nid: int) -> list[KeySignature]:
    """The signatures on the keys of some users, made by themselves or by the viewer: others see no more."""
    sql = (
        f"SELECT {_COLUMNS} FROM key_signature WHERE {db.in_any('target_nid')}"
        " AND (signer_nid = target_nid OR signer_nid = %s)"
    )
    return [KeySignature._make(found) for found in db.rows(sql, (db.any_of(target_nids), viewer_nid))]


def put_many(signatures: Sequence[KeySignature]) -> None:
    """Store signatures, each in place of an earlier one by the same key on the same key."""
    sql = (
        f"INSERT INTO key_signature ({_COLUMNS}) VALUES {{values}}"
        " ON CONFLICT (signer_nid, key_id, target_nid, target_key) DO UPDATE"
        " SET signature = excluded.signature"
    )
    db.insert_many(sql, 5, signatures)


def forget_targets(user_nid: int, targets: Iterable[str]) -> None:
    """Remove the signatures on keys of a user that have been replaced: device IDs or public keys."""
    sql = f"DELETE FROM key_signature WHERE target_nid = %s AND {db.in_any('target_key')}"
    db.execute(sql, (user_nid, db.any_of(targets)))


def forget_signers(user_nid: int, key_ids: Iterable[str]) -> None:
    """Remove the signatures made by keys of a user that have been replaced."""
    sql = f"DELETE FROM key_signature WHERE signer_nid = %s AND {db.in_any('key_id')}"
    db.execute(sql, (user_nid, db.any_of(key_ids)))


def note_private(signer_nid: int, target_nids: Sequence[int]) -> None:
    """Tell the signer's devices, and nobody else, to look at the keys of those users again."""
    if not target_nids:
        return
    positions = append([Change(Kind.KEY_SIGNATURES, user_nid=signer_nid) for _ in target_nids])
    sql = "INSERT INTO key_signature_change (position, signer_nid, target_nid) VALUES {values}"
    many = [(position, signer_nid, target) for position, target in zip(positions, target_nids, strict=True)]
    db.insert_many(sql, 3, many)


def signed_between(signer_nid: int, after: int, upto: int) -> set[int]:
    """The users whose keys a user has signed with after < position <= upto."""
    sql = (
        "SELECT DISTINCT target_nid FROM key_signature_change"
        " WHERE signer_nid = %s AND position > %s AND position <= %s"
    )
    return {found[0] for found in db.rows(sql, (signer_nid, after, upto))}
