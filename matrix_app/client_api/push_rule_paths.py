"""Paths below /pushrules that name no rule: a bad request, and not an unknown endpoint.

A slash at the end of a path counts here, where it does not elsewhere; the router then finds an empty
last segment.
"""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.push_rules import get_all, get_global
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Unrecognized

_SCOPE = "/_matrix/client/v3/pushrules/{scope}"
_KIND = f"{_SCOPE}/{{kind}}"
_RULE = f"{_KIND}/{{rule_id}}"
_ATTRIBUTE = f"{_RULE}/{{attribute}}"


@endpoint("GET", _SCOPE)
def get_scope(request: Request) -> dict[str, Any]:
    """All rulesets, by their path with a slash; no ruleset but the global one exists."""
    return get_all(request) if request.path["scope"] == "" else refuse(request)  # type: ignore[no-any-return]


@endpoint("GET", _KIND)
def get_kind(request: Request) -> dict[str, Any]:
    """All global rules, by their path with a slash."""
    if request.path["scope"] == "global" and request.path["kind"] == "":
        return get_global(request)  # type: ignore[no-any-return]
    return refuse(request)  # type: ignore[no-any-return]


@endpoint("GET", _RULE)
@endpoint("GET", _ATTRIBUTE)
@endpoint("PUT", "/_matrix/client/v3/pushrules/")
@endpoint("PUT", "/_matrix/client/v3/pushrules/global/")
@endpoint("PUT", _SCOPE)
@endpoint("PUT", _KIND)
@endpoint("PUT", _RULE)
@endpoint("PUT", _ATTRIBUTE)
@endpoint("DELETE", _RULE)
def refuse(request: Request) -> dict[str, Any]:
    """Say that there is no such rule, kind or ruleset."""
    raise Unrecognized("There is no such push rule", status=400)
