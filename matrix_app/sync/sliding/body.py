"""What clients send to sliding sync (MSC4186), in its first form and in that of its newer drafts."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from matrix_app.protocol.errors import BadJson, InvalidParam, MissingParam, NotJson

MOST_LISTS = 100
MOST_SUBSCRIPTIONS = 1000
LONGEST_NAME = 255

_Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Name = Annotated[str, Meta(max_length=LONGEST_NAME)]
_Range = tuple[_Count, _Count]
_Pairs = tuple[tuple[str, str], ...]


class StateElement(msgspec.Struct, frozen=True):
    """Which state: what is missing stands for any."""

    type: str = "*"
    state_key: str = "*"


class StateRequest(msgspec.Struct, frozen=True):
    """The required state of the newer drafts."""

    include: tuple[StateElement, ...] = ()
    exclude: tuple[StateElement, ...] = ()
    lazy_members: bool = False


class ListFilters(msgspec.Struct, frozen=True):
    """Which rooms belong to a list; None asks nothing."""

    is_dm: bool | None = None
    is_encrypted: bool | None = None
    is_invite: bool | None = None
    is_invited: bool | None = None
    spaces: tuple[str, ...] | None = None
    room_types: tuple[str | None, ...] | None = None
    not_room_types: tuple[str | None, ...] | None = None
    room_name_like: str | None = None
    tags: tuple[str, ...] | None = None
    not_tags: tuple[str, ...] | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a room: how many events, and which state."""

    timeline_limit: _Count
    required_state: _Pairs | StateRequest = ()


class RoomList(Subscription, frozen=True, kw_only=True):
    """A list of rooms, of which those in the ranges (inclusive) are wanted; without a range, all."""

    ranges: tuple[_Range, ...] | None = None
    range: _Range | None = None
    filters: ListFilters | None = None

    @property
    def windows(self) -> tuple[_Range, ...] | None:
        """The ranges; None for all rooms."""
        return (self.range,) if self.range is not None else self.ranges


class Extension(msgspec.Struct, frozen=True):
    """An extension without parameters."""

    enabled: bool | None = None


class RoomExtension(msgspec.Struct, frozen=True):
    """An extension about rooms: those of which lists, and which of the subscribed ones; None for all."""

    enabled: bool | None = None
    lists: tuple[str, ...] | None = None
    rooms: tuple[str, ...] | None = None


class ToDevice(msgspec.Struct, frozen=True):
    """To-device messages (MSC3885), which have a token of their own."""

    enabled: bool | None = None
    limit: _Count | None = None
    since: str | None = None


class ThreadSubscriptions(msgspec.Struct, frozen=True):
    """Changes of thread subscriptions (MSC4308)."""

    enabled: bool | None = None
    limit: _Count | None = None


class Extensions(
    msgspec.Struct,
    frozen=True,
    rename={"thread_subscriptions": "io.element.msc4308.thread_subscriptions"},
):
    """What a client wants besides rooms."""

    to_device: ToDevice | None = None
    e2ee: Extension | None = None
    account_data: RoomExtension | None = None
    receipts: RoomExtension | None = None
    typing: RoomExtension | None = None
    thread_subscriptions: ThreadSubscriptions | None = None


class Body(msgspec.Struct, frozen=True):
    """The body of a sliding sync. Bodies are shared: do not change one."""

    conn_id: _Name = ""
    txn_id: str | None = None
    pos: str | None = None
    timeout: int | None = None
    set_presence: str | None = None
    lists: dict[_Name, RoomList] = {}
    room_subscriptions: dict[_Name, Subscription] = {}
    extensions: Extensions = Extensions()

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides which rooms and what of them a client is to be told."""
        wanted = self.extensions
        return (self.lists, self.room_subscriptions, wanted.account_data, wanted.receipts, wanted.typing)


_decoder = msgspec.json.Decoder(Body)


@lru_cache(maxsize=512)
def parse_body(text: bytes) -> Body:
    """The body that a JSON text is; raises `NotJson`, `BadJson`, `MissingParam` or `InvalidParam`."""
    try:
        body = _decoder.decode(text or b"{}")
    except msgspec.ValidationError as error:
        kind = MissingParam if "missing required field" in str(error) else BadJson
        raise kind(str(error)) from error
    except msgspec.DecodeError as error:
        raise NotJson("The body is not JSON") from error
    if len(body.lists) > MOST_LISTS:
        raise InvalidParam(f"There may be {MOST_LISTS} lists at most")
    if len(body.room_subscriptions) > MOST_SUBSCRIPTIONS:
        raise InvalidParam(f"There may be {MOST_SUBSCRIPTIONS} room subscriptions at most")
    if any(begin > end for each in body.lists.values() for begin, end in each.windows or ()):
        raise InvalidParam("A range ends before it begins")
    return body
