"""Searching the messages of a user's rooms ("Server Side Search")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.protocol.search_words import (
    SEARCHED_KEYS,
    SearchedKey,
    fold,
    raw_words,
    searched_texts,
    words_of,
)
from matrix_app.services.event_filter import matching
from matrix_app.services.search_index import index_pending
from matrix_app.services.search_tokens import SearchToken
from matrix_app.services.searched_rooms import searched_rooms
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, interning, rooms, search_index
from matrix_app.storage.events import EventRow

# So many of the newest matches are looked at; the best of them are shown first.
_MOST_HITS: Final = 500
_LAST: Final = (1 << 63) - 1

GroupKey = Literal["room_id", "sender"]


class SearchQuery(NamedTuple):
    """What is looked for; `token` asks for a further page."""

    term: str
    keys: Sequence[SearchedKey] | None = None
    wanted: RoomEventFilter = RoomEventFilter()
    by_rank: bool = True
    limit: int = 10
    token: SearchToken | None = None


class Match(NamedTuple):
    """An event that was found."""

    row: EventRow
    rank: float
    room_id: str
    sender: str

    def group(self, key: GroupKey) -> str:
        """The value of a key by which results are grouped."""
        return self.room_id if key == "room_id" else self.sender


class SearchResults(NamedTuple):
    """A page of matches in order. `rest` are those that further pages have, `total` counts all."""

    page: list[Match]
    rest: list[Match]
    total: int
    highlights: list[str]
    top: int


def search(reader: Requester, query: SearchQuery) -> SearchResults:
    """The events with all words of the term that the user may see, in rooms that they are or were in."""
    words = list(dict.fromkeys(words_of(query.term)))
    types = [SEARCHED_KEYS[key] for key in query.keys or SEARCHED_KEYS]
    room_nids = searched_rooms(reader, query.wanted)
    if not words or not room_nids or query.wanted.blocks_everything():
        return SearchResults([], [], 0, [], 0)
    index_pending()
    upto = query.token.top if query.token is not None else _LAST
    hits = search_index.find(words, room_nids, types, upto=upto, limit=_MOST_HITS)
    matches = _matches(reader, query, {hit.event_nid: hit.rank for hit in hits})
    matches.sort(key=lambda match: (match.rank if query.by_rank else 0, match.row.nid), reverse=True)
    chosen, skipped = _chosen(matches, query.token)
    page = chosen[skipped : skipped + query.limit]
    top = min(upto, max((hit.event_nid for hit in hits), default=0))
    return SearchResults(page, chosen[skipped + query.limit :], len(matches), _highlights(words, page), top)


def _matches(reader: Requester, query: SearchQuery, ranks: dict[int, float]) -> list[Match]:
    rows = list(events.rows_by_nid(ranks).values())
    # The rooms have been chosen already, predecessors of the ones named among them.
    shown = filter_visible(matching(rows, query.wanted), reader.user_nid)
    ids = rooms.room_ids({row.room_nid for row in shown})
    senders = interning.user_ids({row.sender_nid for row in shown})
    return [Match(row, ranks[row.nid], ids[row.room_nid], senders[row.sender_nid]) for row in shown]


def _chosen(matches: list[Match], token: SearchToken | None) -> tuple[list[Match], int]:
    """The matches that a token goes on with, and how many of them have been shown."""
    if token is None:
        return matches, 0
    if token.group is None:
        return matches, token.shown
    return [match for match in matches if match.group(token.group) == token.value], token.shown


def _highlights(words: Sequence[str], page: Iterable[Match]) -> list[str]:
    """The words of the results that the search term matches, as they are written there."""
    found: dict[str, None] = {}
    for match in page:
        for text in searched_texts(match.row.type, events.parse(match.row).content):
            for word in raw_words(text):
                folded = fold(word)
                if any(folded == term or (len(term) >= 3 and folded.startswith(term)) for term in words):
                    found[word] = None
    return list(found)
