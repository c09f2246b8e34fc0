"""Device lists of users of other servers, kept current by what their servers tell ("Device Management")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from matrix_app.protocol.encryption_keys import MASTER, SELF_SIGNING
from matrix_app.protocol.remote_keys import MOST_DEVICES, DeviceUpdate, RemoteKeys
from matrix_app.services.background import run_soon
from matrix_app.services.retry_wait import growing
from matrix_app.storage import cross_signing, db, devices, interning, remote_devices, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.remote_devices import DueList, RemoteList

RESYNC_TASK: Final = "resync_device_lists"
# Who signs in changes their list several times in a moment: it is asked for once for all of that.
GATHER_MS: Final = 300
# A list that has just been had is not asked for again before so long, whatever its server tells.
AGAIN_MS: Final = 2_000
# How long to wait after a list could not be had: at first, and at most.
FIRST_RETRY_MS: Final = 30_000
LONGEST_RETRY_MS: Final = 3_600_000
# Lists that are stored in one transaction: others write in between.
STORED_AT_ONCE: Final = 20
# Nobody else asks for a list that was taken to be asked for, for so long.
LEASE_MS: Final = 120_000


class FreshList(NamedTuple):
    """A list as it was told, and the epoch in which it was asked for."""

    user_nid: int
    epoch: int
    keys: RemoteKeys


def receive_device_update(user_id: str, update: DeviceUpdate) -> None:
    """Take in an `m.device_list_update`, or have the list asked for when it does not follow on what is known.

    Users who share a room with nobody here are passed over.
    """

    def take_in(known: RemoteList) -> None:
        if update.stream_id == known.stream_id:
            return  # it has come before
        if not _follows(known, update) or _is_too_many(known.user_nid, update):
            _ask_anew(known.user_nid)
            return
        remote_devices.advance(known.user_nid, update.stream_id)
        _apply(known.user_nid, update)
        devices.device_lists_changed([known.user_nid])

    _receive(user_id, take_in)


def receive_signing_keys(user_id: str, master: bytes | None, self_signing: bytes | None) -> None:
    """Take in an `m.signing_key_update`. With another master key goes what hung on the one before."""

    def take_in(known: RemoteList) -> None:
        old = cross_signing.of_user(known.user_nid)
        new = RemoteKeys(
            {},
            master or old.get(MASTER),
            self_signing or (old.get(SELF_SIGNING) if master in (None, old.get(MASTER)) else None),
        )
        if remote_devices.replace_cross_signing(known.user_nid, new):
            devices.device_lists_changed([known.user_nid])

    _receive(user_id, take_in)


def _receive(user_id: str, take_in: Callable[[RemoteList], None]) -> None:
    """Have a current list take something in; any other is asked for as a whole."""
    user_nid = interning.find_user(user_id)
    if user_nid is None or not remote_devices.sharing([user_nid]):
        return
    with db.write():
        stream.hold_positions()
        known = remote_devices.get(user_nid)
        if known is not None and known.is_current:
            take_in(known)
        elif known is not None:
            remote_devices.mark_stale(user_nid, now_ms())
        else:
            now = now_ms()
            remote_devices.track([user_nid], now, now + GATHER_MS)
            run_soon(RESYNC_TASK)


def _follows(known: RemoteList, update: DeviceUpdate) -> bool:
    # "If a server receives an EDU which refers to a prev_id it does not recognise, it must resynchronise".
    return known.stream_id is not None and set(update.prev_ids) == {known.stream_id}


def _is_too_many(user_nid: int, update: DeviceUpdate) -> bool:
    return update.device is not None and remote_devices.count_devices(user_nid) >= MOST_DEVICES


def _ask_anew(user_nid: int) -> None:
    remote_devices.mark_stale(user_nid, now_ms() + GATHER_MS)
    run_soon(RESYNC_TASK)


def _apply(user_nid: int, update: DeviceUpdate) -> None:
    if update.device is None:
        remote_devices.delete_devices(user_nid, [update.device_id])
    else:
        remote_devices.put_devices(user_nid, {update.device_id: update.device})


def store(fresh: Iterable[FreshList], *, tell: bool) -> None:
    """Keep lists that have just been told, unless no room is shared any more.

    Whoever uses them is told of changes, and with `tell` in any case. A list that was put out of date while
    it was on its way is asked for again.
    """
    for chunk in _chunks(list(fresh)):
        with db.write():
            stream.hold_positions()
            devices.device_lists_changed([item.user_nid for item in chunk if _store_one(item, tell)])


def _chunks(fresh: Sequence[FreshList]) -> Iterator[Sequence[FreshList]]:
    for start in range(0, len(fresh), STORED_AT_ONCE):
        yield fresh[start : start + STORED_AT_ONCE]


def _store_one(fresh: FreshList, tell: bool) -> bool:
    """Put a list in its place, if there is one still; whether those who use it are to be told."""
    user_nid, epoch, keys = fresh
    if remote_devices.get(user_nid) is None:
        return False
    anew = remote_devices.replace_devices(user_nid, keys.devices)
    anew |= remote_devices.replace_cross_signing(user_nid, keys)
    if not remote_devices.complete(user_nid, keys.stream_id, epoch, now_ms() + AGAIN_MS):
        run_soon(RESYNC_TASK)
    return anew or tell


def claim_due(limit: int, of_one_server: int) -> list[DueList]:
    """Take lists that are to be asked for, which nobody else does for a while."""
    now = now_ms()
    with db.write():
        return remote_devices.claim_due(now, now + LEASE_MS, limit, of_one_server)


def not_told(due: DueList, retry_at_ts: int | None) -> None:
    """A list could not be had. It is asked for again, later each time, or once its server answers anything.

    Those who use it are told once that it is out of date: they have to ask for the keys themselves.
    """
    now = now_ms()
    wait = growing(FIRST_RETRY_MS, due.attempts, LONGEST_RETRY_MS)
    with db.write():
        stream.hold_positions()
        remote_devices.failed(due.user_nid, now, max(now + wait, retry_at_ts or 0))
        if due.attempts == 0:
            devices.device_lists_changed([due.user_nid])


def drop_unshared(limit: int = 1000) -> int:
    """Forget lists of users who share no room with anybody here; how many. A safety net: see the effects."""
    after = dropped = 0
    while page := remote_devices.page(after, limit):
        after = page[-1]
        with db.write():
            gone = remote_devices.no_longer_shared(page)
            remote_devices.drop(gone)
        dropped += len(gone)
    return dropped
