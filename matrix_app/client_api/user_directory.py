"""The user directory."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import user_directory


class SearchBody(msgspec.Struct):
    """What to search, and how many results at most."""

    search_term: str
    limit: Annotated[int, msgspec.Meta(ge=0)] = 10


@endpoint("POST", "/_matrix/client/v3/user_directory/search", rate="search")
def search(request: Request) -> dict[str, Any]:
    """Search users (POST /user_directory/search)."""
    body = request.decode(SearchBody)
    return user_directory.search(request.requester.user_nid, body.search_term, body.limit)
