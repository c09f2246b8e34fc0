"""Push rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Unrecognized
from matrix_app.protocol.push_rules import (
    Custom,
    delete_rule,
    get_rule,
    put_rule,
    rules_of_kind,
    set_actions,
    set_enabled,
)
from matrix_app.services.push_outcomes import searches_texts
from matrix_app.services.push_rules import change_rules, custom_of, ruleset_of

_RULES = "/_matrix/client/v3/pushrules"
_RULE = f"{_RULES}/global/{{kind}}/{{rule_id}}"


@endpoint("GET", f"{_RULES}/")
def get_all(request: Request) -> dict[str, Any]:
    """All rulesets (GET /pushrules/)."""
    if not is_folder(request):
        raise Unrecognized("The path of all rulesets ends with a slash")
    return ruleset_of(request.requester.user_nid)


@endpoint("GET", f"{_RULES}/global/")
def get_global(request: Request) -> dict[str, Any]:
    """All rules (GET /pushrules/global/)."""
    if not is_folder(request):
        raise Unrecognized("The path of all rules ends with a slash", status=400)
    ruleset: dict[str, Any] = ruleset_of(request.requester.user_nid)["global"]
    return ruleset


@endpoint("GET", _RULE)
def get_one(request: Request) -> dict[str, Any] | list[Any]:
    """One rule (GET /pushrules/global/{kind}/{ruleId}); without an ID all of the kind, for older clients."""
    if request.path["rule_id"] == "":
        requester, kind = request.requester, request.path["kind"]
        custom = custom_of(requester.user_nid)
        return rules_of_kind(custom, requester.user_id, kind, by_text=searches_texts())
    return _rule(request)


@endpoint("PUT", _RULE, rate="write")
def put_one(request: Request) -> dict[str, Any]:
    """Make or change a rule (PUT /pushrules/global/{kind}/{ruleId})."""
    body = request.json_object()
    # Some clients send them empty, for no place in particular.
    before, after = request.query("before") or None, request.query("after") or None

    def change(custom: Custom) -> Custom:
        return put_rule(
            custom, request.path["kind"], request.path["rule_id"], body, before=before, after=after
        )

    change_rules(request.requester.user_nid, change)
    return {}


@endpoint("DELETE", _RULE, rate="write")
def delete_one(request: Request) -> dict[str, Any]:
    """Delete a rule (DELETE /pushrules/global/{kind}/{ruleId})."""
    kind, rule_id = request.path["kind"], request.path["rule_id"]
    change_rules(request.requester.user_nid, lambda custom: delete_rule(custom, kind, rule_id))
    return {}


@endpoint("GET", f"{_RULE}/enabled")
def get_enabled(request: Request) -> dict[str, Any]:
    """Whether a rule is enabled (GET /pushrules/global/{kind}/{ruleId}/enabled)."""
    return {"enabled": _rule(request)["enabled"]}


@endpoint("PUT", f"{_RULE}/enabled", rate="write")
def put_enabled(request: Request) -> dict[str, Any]:
    """Switch a rule on or off (PUT /pushrules/global/{kind}/{ruleId}/enabled)."""
    _change(request, set_enabled)
    return {}


@endpoint("GET", f"{_RULE}/actions")
def get_actions(request: Request) -> dict[str, Any]:
    """The actions of a rule (GET /pushrules/global/{kind}/{ruleId}/actions)."""
    return {"actions": _rule(request)["actions"]}


@endpoint("PUT", f"{_RULE}/actions", rate="write")
def put_actions(request: Request) -> dict[str, Any]:
    """Change the actions of a rule (PUT /pushrules/global/{kind}/{ruleId}/actions)."""
    _change(request, set_actions)
    return {}


def is_folder(request: Request) -> bool:
    """Whether the path ends with a slash."""
    return str(request.http.META["hearth.raw_path"]).endswith("/")


def _rule(request: Request) -> dict[str, Any]:
    requester = request.requester
    custom, kind, rule_id = custom_of(requester.user_nid), request.path["kind"], request.path["rule_id"]
    return get_rule(custom, requester.user_id, kind, rule_id, by_text=searches_texts())


def _change(request: Request, setter: Callable[..., Custom]) -> None:
    kind, rule_id, body = request.path["kind"], request.path["rule_id"], request.json_object()
    by_text = searches_texts()
    change_rules(
        request.requester.user_nid, lambda custom: setter(custom, kind, rule_id, body, by_text=by_text)
    )
