"""What is asked of a published room directory, by clients and by servers alike."""

from __future__ import annotations

from typing import Annotated

import msgspec

from matrix_app.storage.directory import Query


class Filter(msgspec.Struct, omit_defaults=True):
    """Which rooms are looked for."""

    generic_search_term: str | None = None
    room_types: list[str | None] | None = None


class PublicRoomsBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of `POST /publicRooms`."""

    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    since: str | None = None
    filter: Filter | None = None
    include_all_networks: bool = False
    third_party_instance_id: str | None = None

    def query(self) -> Query:
        """What is looked for in this server's directory."""
        wanted = self.filter or Filter()
        return Query(
            search=wanted.generic_search_term,
            room_types=wanted.room_types,
            network=None if self.include_all_networks else self._network(),
            all_networks=self.include_all_networks,
        )

    def _network(self) -> tuple[str, str] | None:
        """The application service and its network; one that is not known has no rooms."""
        if not self.third_party_instance_id:
            return None
        service, _, network = self.third_party_instance_id.partition("|")
        return service, network
