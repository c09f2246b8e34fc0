"""Media as administrators look at them."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import Mxc
from matrix_app.services.room_media import media_of_room
from matrix_app.storage import interning, media_listing
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media_listing import ListedMedia, Page, Totals, UsageQuery, UserUsage
from matrix_app.storage.rooms import RoomIdentity


class MediaOverview(NamedTuple):
    """How much there is: media of users here, of other servers, and the bytes that the store holds."""

    local: Totals
    remote: Totals
    stored_bytes: int


class MediaOfRoom(NamedTuple):
    """The media that the events of a room show."""

    local: list[Mxc]
    remote: list[Mxc]


def describe(mxc: Mxc) -> ListedMedia:
    """What is known of media; raises `NotFound`."""
    found = media_listing.find(*mxc)
    if found is None:
        raise NotFound("There are no such media")
    return found


def of_user(user_nid: int, page: Page) -> tuple[list[ListedMedia], Totals]:
    """A piece of what a user has uploaded, and how much that is altogether."""
    return media_listing.of_user(user_nid, page), media_listing.totals_of_user(user_nid)


def of_room(room: RoomIdentity) -> MediaOfRoom:
    """The media that the events of a room show, as far as they are not encrypted."""
    found: set[Mxc] = set().union(*media_of_room(room))
    here = local_server_name()
    return MediaOfRoom(
        sorted(mxc for mxc in found if mxc.server_name == here),
        sorted(mxc for mxc in found if mxc.server_name != here),
    )


def usage(query: UsageQuery, offset: int, limit: int) -> tuple[list[UserUsage], int]:
    """A piece of the users with media, and how many users those are."""
    return media_listing.usage(query, offset, limit), media_listing.usage_count(query)


def overview() -> MediaOverview:
    """How much there is altogether. Reads all rows: for a page, not for every request."""
    local_nid = interning.server_nid(local_server_name())
    return MediaOverview(
        media_listing.totals_of_users(),
        media_listing.totals_of_others(local_nid),
        media_listing.stored_bytes(),
    )
