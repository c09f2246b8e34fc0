"""A sliding sync from its request to its answer: at once, or after waiting for news."""

from __future__ import annotations

import time
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.connected_users import connected_users
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding import connection as connections
from matrix_app.sync.sliding import extensions, settled
from matrix_app.sync.sliding.body import Body
from matrix_app.sync.sliding.compute import Answer, compute, with_position
from matrix_app.sync.sliding.connection import Connection
from matrix_app.sync.sliding.extensions import to_device
from matrix_app.sync.sliding.interests import is_idle
from matrix_app.sync.sliding.position import parse_position
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.sliding.settled import Settled
from matrix_app.sync.sliding.verifying import Haste
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import Heavy

# Telling of more rooms anew is heavy work: it must not hold up the others who wait.
LIGHT_ROOMS = 20


class Exchange:
    """One request, while it is looked for its answer."""

    def __init__(self, requester: Requester, body: Body, position: str | None, deadline: float) -> None:
        self.requester = requester
        self.body = body
        self.deadline = deadline
        self.since: int | None = None
        self.connection = self._find(position)
        # Up to where nothing was found, so that it is not looked at again.
        self._seen: int | None = self.since
        # Not read while waiting, which is on the event loop: there the hub tells when it is out of date.
        self._joined = memo.joined_rooms(requester.user_nid)
        self._haste = Haste.of(requester.user_nid, self.connection.nid, body, self._joined, self.since)

    def _find(self, position: str | None) -> Connection:
        device_nid = self.requester.device_nid
        if device_nid is None:
            raise InvalidParam("Only devices have connections")
        if position is None:
            return connections.begin(device_nid, self.body.conn_id)
        at = parse_position(position)
        self.since = at.stream
        return connections.find(at.connection, at.version, device_nid, self.body.conn_id)

    def begin(self) -> Any:
        """The answer, or what the waiting endpoint is to do for it."""
        if self.since is None or not hub().knows(self.since):
            return Heavy(lambda: self._resume(self._is_late(), is_light=False))
        late = self._is_late()
        if not late and self._is_settled() and self._is_idle():
            return self._wait()
        return self._resume(late)

    def _is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    def _is_settled(self) -> bool:
        """Whether all that the client asks about had been told with the version that it has."""
        waiting = to_device.is_waiting(self.requester.device_nid, self.body.extensions.to_device)
        return not waiting and settled.find(self.connection, self.body) is not None

    def _is_idle(self) -> bool:
        return (
            self._seen is not None
            and is_idle(self.requester, self.body, self._joined, self._seen)
            and not self._haste.is_due()
        )

    def _resume(self, timed_out: bool, *, is_light: bool = True) -> Any:
        # Taken before the hub is asked: what comes in between is left for the next sync.
        upto = hub().position
        request = SlidingRequest(self.requester, self.body, self.connection, self.since, upto)
        self._joined = memo.joined_rooms(self.requester.user_nid)
        self.deadline = self._haste.deadline(self.deadline, upto)
        before = settled.find(self.connection, self.body)
        if before is not None and self._is_settled() and self._is_idle():
            if not timed_out:
                return self._wait()
            if self._seen == self.since:
                return self._nothing_new(request, before.counts)
        told = before.room_nids if before is not None else None
        answer = compute(request, told, LIGHT_ROOMS if is_light else None)
        if answer is None:
            return Heavy(lambda: self._resume(timed_out, is_light=False))
        if answer.is_empty and not timed_out and self.since is not None:
            self._seen = upto
            return self._wait()
        return self._finish(answer)

    def _nothing_new(self, request: SlidingRequest, counts: dict[str, int]) -> bytes:
        body = {
            "lists": {name: {"count": count} for name, count in counts.items()},
            "rooms": {},
            "extensions": extensions.always(request),
        }
        self._end()
        return with_position(request, self.connection, body)

    def _finish(self, answer: Answer) -> bytes:
        body, connection = answer.finish()
        if answer.is_final:
            told = Settled(self.body.shape, answer.counts, frozenset(answer.room_nids))
            settled.keep(connection, told)
        self._end()
        return body

    def _wait(self) -> Wait:
        return Wait(
            self.requester.user_nid,
            self._joined,
            self.deadline - time.monotonic(),
            self._is_idle,
            self._resume,
        )

    def _end(self) -> None:
        connected_users.sync_ended(self.requester.user_nid, self.requester.device_nid)
        self._haste.answered()
