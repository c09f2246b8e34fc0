"""What a server does once it has been restored from a backup, before it serves anybody again."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.fetch_lost import fetch_lost_events
from matrix_app.storage import db, device_messages, installation, restored
from matrix_app.storage.clock import now_ms

# Tasks that a copy of the database always has at work: those which made it.
_TASKS: Final = (
    "backup.make",
    "backup.verify",
    "backup.upload",
    "backup.fetch",
    "backup.verify_remote",
)


class Renewed(NamedTuple):
    """A position in the gap of the stream, and how many devices, users and servers are told."""

    position: int
    devices: int
    users: int
    servers: int


def after_restore(actor: Actor, backup_id: str, backup_ts: int) -> Renewed:
    """Make a restored database fit to go on with, in one transaction.

    Access tokens stay valid, so that clients keep their devices and their keys. No position, transaction ID
    or key for one use is given out that was given out before; clients upload new keys with their next sync,
    other servers fetch the devices of users here anew, and are contacted by the sender.
    """
    now = now_ms()
    with db.write():
        position = restored.jump_positions(backup_ts, now)
        devices = restored.forget_one_time_keys()
        restored.forget_sliding_connections(now)
        restored.begin_new_transactions(now)
        servers = restored.leave_servers_behind()
        users = restored.break_device_chains(position)
        device_messages.counts_changed(devices)
        restored.forget_remote_device_lists(now)
        restored.end_tasks(_TASKS, now)
        installation.renew(now, backup_id, backup_ts)
        audit.record(actor, "server.restore", backup_id, position=position)
        if servers:
            fetch_lost_events(actor)
    return Renewed(position, len(devices), users, servers)
