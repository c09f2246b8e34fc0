"""Searching messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from appliance.config import get_config
from matrix_app.client_api.reading import event_list, one_event, state_list
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.filters import parse_room_event_filter
from matrix_app.protocol.search_words import SearchedKey
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.services.room_state import whole_state
from matrix_app.services.search import GroupKey, Match, SearchQuery, SearchResults, search
from matrix_app.services.search_context import result_context
from matrix_app.services.search_tokens import SearchToken, parse_search_token

_Count = Annotated[int, msgspec.Meta(ge=0)]


class ContextBody(msgspec.Struct):
    """Which context of the results is wanted."""

    before_limit: _Count = 5
    after_limit: _Count = 5
    include_profile: bool = False


class GroupBody(msgspec.Struct):
    """A key to group the results by."""

    key: GroupKey


class GroupingsBody(msgspec.Struct):
    """How to group the results."""

    group_by: list[GroupBody] = []


class RoomEventsBody(msgspec.Struct):
    """A search of messages."""

    search_term: str
    keys: list[SearchedKey] | None = None
    filter: dict[str, Any] = {}
    order_by: Literal["rank", "recent"] = "rank"
    event_context: ContextBody | None = None
    include_state: bool = False
    groupings: GroupingsBody = msgspec.field(default_factory=GroupingsBody)


class CategoriesBody(msgspec.Struct):
    """What is searched."""

    room_events: RoomEventsBody | None = None


class SearchBody(msgspec.Struct):
    """The body of POST /search."""

    search_categories: CategoriesBody


@endpoint("POST", "/_matrix/client/v3/search", rate="search")
def post_search(request: Request) -> dict[str, Any]:
    """Search the messages of one's rooms (POST /search)."""
    body = request.decode(SearchBody).search_categories.room_events
    if body is None:
        return {"search_categories": {}}
    token = request.query("next_batch")
    wanted = parse_room_event_filter(body.filter)
    query = SearchQuery(
        term=body.search_term,
        keys=body.keys,
        wanted=wanted,
        by_rank=body.order_by == "rank",
        limit=max(1, wanted.capped_limit(maximum=get_config().limits.search_results)),
        token=parse_search_token(token) if token else None,
    )
    results = search(request.requester, query)
    return {"search_categories": {"room_events": _room_events(request, body, query, results)}}


def _room_events(
    request: Request, body: RoomEventsBody, query: SearchQuery, results: SearchResults
) -> dict[str, Any]:
    accesses = {
        room_id: access_room(room_id, request.requester)
        for room_id in ({match.room_id for match in results.page} if _needs_rooms(body) else ())
    }
    answer: dict[str, Any] = {
        "count": results.total,
        "highlights": results.highlights,
        "results": [_result(request, body.event_context, match, accesses) for match in results.page],
    }
    if body.include_state:
        answer["state"] = {
            room_id: state_list(request, whole_state(access)) for room_id, access in accesses.items()
        }
    keys = [group.key for group in body.groupings.group_by]
    if keys:
        answer["groups"] = {key: _groups(key, query, results) for key in keys}
    if results.rest:
        answer["next_batch"] = str(_next(query, results, len(results.page)))
    return answer


def _needs_rooms(body: RoomEventsBody) -> bool:
    return body.include_state or body.event_context is not None


def _result(
    request: Request, wanted: ContextBody | None, match: Match, accesses: dict[str, RoomAccess]
) -> dict[str, Any]:
    result: dict[str, Any] = {"rank": match.rank, "result": one_event(request, match.row)}
    if wanted is None:
        return result
    found = result_context(
        accesses[match.room_id],
        match.row,
        before=wanted.before_limit,
        after=wanted.after_limit,
        profiles=wanted.include_profile,
    )
    context: dict[str, Any] = {
        "start": str(found.context.start),
        "end": str(found.context.end),
        "events_before": event_list(request, found.context.before),
        "events_after": event_list(request, found.context.after),
    }
    if found.profiles is not None:
        context["profile_info"] = found.profiles
    return {**result, "context": context}


def _next(query: SearchQuery, results: SearchResults, shown: int) -> SearchToken:
    before = query.token
    if before is None:
        return SearchToken(results.top, shown)
    return msgspec.structs.replace(before, shown=before.shown + shown)


def _groups(key: GroupKey, query: SearchQuery, results: SearchResults) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for match in results.page:
        group = groups.setdefault(match.group(key), {"order": len(groups) + 1, "results": []})
        group["results"].append(match.row.event_id)
    if query.token is None:
        _add_group_tokens(key, groups, results.rest, results.top)
    return groups


def _add_group_tokens(key: GroupKey, groups: dict[str, Any], rest: Sequence[Match], top: int) -> None:
    more = {match.group(key) for match in rest}
    for value, group in groups.items():
        if value in more:
            group["next_batch"] = str(SearchToken(top, len(group["results"]), key, value))
