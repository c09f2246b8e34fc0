"""What was last seen and done elsewhere, in a file of the folder of backups: pages and checks ask nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from appliance.backup import layout
from appliance.backup.manifest import Manifest, Verdict, read_again
from appliance.config import get_config
from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage.clock import now_ms

FILE: Final = ".remote.json"


class Copy(msgspec.Struct, frozen=True):
    """A whole backup elsewhere, and how its last verification ended."""

    id: str
    created_ts: int
    size: int
    media_size: int
    key: str = ""
    verdict: Verdict | None = None


class RemoteState(msgspec.Struct):
    """Of one place: the backups there by the last look, and what went wrong since a copy last arrived."""

    title: str
    copies: list[Copy] = []
    looked_ts: int = 0
    arrived_ts: int = 0
    fault: str = ""
    fault_ts: int = 0

    def has(self, id: str) -> bool:
        """Whether a backup is there."""
        return any(copy.id == id for copy in self.copies)


def read_state(title: str) -> RemoteState:
    """What is known of a place; nothing when it is another one than before."""
    try:
        found = msgspec.json.decode(_file().read_bytes(), type=RemoteState)
    except (OSError, msgspec.DecodeError):
        return RemoteState(title)
    found.fault = unpacked(found.fault)
    found.copies = [_with_sentences(copy) for copy in found.copies]
    return found if found.title == title else RemoteState(title)


def _with_sentences(copy: Copy) -> Copy:
    if copy.verdict is None:
        return copy
    return msgspec.structs.replace(copy, verdict=read_again(copy.verdict))


def _file() -> Path:
    return get_config().backup.dir / FILE


def note_copies(title: str, manifests: list[Manifest], *, arrived: bool) -> RemoteState:
    """Note which backups are there; `arrived` when one of them has just got there."""
    state = read_state(title)
    verdicts = {copy.id: copy.verdict for copy in state.copies}
    state.copies = [_copy(one, verdicts.get(one.id)) for one in manifests]
    state.looked_ts = now_ms()
    if arrived:
        state.arrived_ts, state.fault, state.fault_ts = state.looked_ts, "", 0
    _write(state)
    return state


def _copy(one: Manifest, verdict: Verdict | None) -> Copy:
    media = one.media.size if one.media else 0
    key = one.encryption.key if one.encryption else ""
    return Copy(one.id, one.created_ts, one.size, media, key, verdict)


def note_fault(title: str, fault: str) -> None:
    """Note why a copy did not arrive."""
    state = read_state(title)
    state.fault, state.fault_ts = fault, now_ms()
    _write(state)


def note_verdict(title: str, id: str, verdict: Verdict) -> None:
    """Note how the verification of a copy ended."""
    state = read_state(title)
    state.copies = [
        msgspec.structs.replace(copy, verdict=verdict) if copy.id == id else copy for copy in state.copies
    ]
    _write(state)


def _write(state: RemoteState) -> None:
    root = get_config().backup.dir
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.write_whole(root / FILE, msgspec.json.encode(state, enc_hook=packed))
