"""The events of a big answer, kept in a temporary file until each can be judged behind what authorises it."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from functools import cached_property
from types import TracebackType
from typing import IO, Final, Self

from appliance.config import get_config
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import TooLarge
from matrix_app.protocol.event_format import encode_event
from matrix_app.protocol.events import Event
from matrix_app.services.received_checks import needed_ids
from matrix_app.storage.rooms import RoomIdentity

# Each takes about 300 bytes of memory.
MOST_EVENTS: Final = 500_000
# Events with so many bytes of JSON stay in memory, where they take up to twenty times as much.
HELD_BYTES: Final = 262_144


class EventSpool:
    """Events of one room whose signatures and hashes have been checked. A context manager.

    In memory are the first few hundred; of the others only which event is where, and which needs which.
    """

    def __init__(self, room: RoomIdentity) -> None:
        self._room = room
        self._numbers: dict[str, int] = {}
        self._event_ids: list[str] = []
        # By number; an event that is not in the file has the length 0.
        self._offsets = array("q")
        self._lengths = array("l")
        self._needed: dict[int, tuple[int, ...]] = {}
        self._end = 0
        self._held: dict[int, Event] = {}
        self._held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_file" in self.__dict__:
            self._file.close()

    @cached_property
    def _file(self) -> IO[bytes]:
        """Made when the first event is too much for the memory; not in /tmp, which may be in memory."""
        return tempfile.TemporaryFile(dir=get_config().server.data_dir)

    def __len__(self) -> int:
        return len(self._needed)

    def number_of(self, event_id: str) -> int:
        """A number for an event, whether it is here or only named.

        Raises `TooLarge` when there are more than `MOST_EVENTS`.
        """
        number = self._numbers.get(event_id)
        if number is None:
            number = self._numbers[event_id] = len(self._event_ids)
            if number >= MOST_EVENTS:
                raise TooLarge(f"There are more than {MOST_EVENTS} events")
            self._event_ids.append(event_id)
            self._offsets.append(0)
            self._lengths.append(0)
        return number

    def event_id_of(self, number: int) -> str:
        """The ID of the event with a number."""
        return self._event_ids[number]

    def add(self, event: Event) -> None:
        """Keep an event; one that is here already stays as it is."""
        number = self.number_of(event.event_id)
        if self._lengths[number]:
            return
        data = encode_event(event)
        self._lengths[number] = len(data)
        if self._held_bytes + len(data) <= HELD_BYTES:
            self._held[number] = event
            self._held_bytes += len(data)
        else:
            self._write(number, data)
        self._needed[number] = tuple(self.number_of(event_id) for event_id in needed_ids(event))

    def _write(self, number: int, data: bytes) -> None:
        self._file.seek(self._end)
        self._file.write(data)
        self._offsets[number] = self._end
        self._end += len(data)

    def batches(self, size: int) -> Iterator[list[Event]]:
        """The events, each behind those of them that authorise it; what is part of a circle is left out."""
        ordered = self._ordered()
        for start in range(0, len(ordered), size):
            yield [self.event(number) for number in ordered[start : start + size]]

    def event(self, number: int) -> Event:
        """The event with a number, which has been added."""
        held = self._held.get(number)
        if held is not None:
            return held
        self._file.seek(self._offsets[number])
        pdu = decode_json(self._file.read(self._lengths[number]))
        return Event(pdu, self._event_ids[number], self._room.rules)

    def holds(self, number: int) -> bool:
        """Whether the event with a number has been added."""
        return self._lengths[number] > 0

    def _ordered(self) -> array[int]:
        waiting: dict[int, int] = {}
        naming: dict[int, array[int]] = {}
        ordered = array("l")
        for number, needed in self._needed.items():
            here = {other for other in needed if other in self._needed}
            waiting[number] = len(here)
            for other in here:
                naming.setdefault(other, array("l")).append(number)
            if not here:
                ordered.append(number)
        for number in ordered:
            for other in naming.pop(number, ()):
                waiting[other] -= 1
                if waiting[other] == 0:
                    ordered.append(other)
        return ordered
