"""Sending on what other servers' users have sent by way of this one."""

from __future__ import annotations

from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.storage import events, relayed_events
from matrix_app.storage.events import Status
from matrix_app.storage.local_server import local_server_name


def relay(event: Event, *, to_sender: bool = False) -> None:
    """Have a stored event sent to the servers of its room, if its own server does not do that.

    `to_sender`: to the server of its sender as well, which has not seen it. Nothing happens with one that was
    refused. Inside the transaction that stores the event.
    """
    if domain_of(event.sender) == local_server_name():
        return
    stored = events.row_by_id(event.event_id)
    if stored is not None and stored.status == Status.NORMAL:
        relayed_events.put(stored.nid, to_sender=to_sender)
