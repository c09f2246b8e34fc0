"""Push rules: a user's ruleset, its evaluation, and the short cut for users who changed nothing."""

from matrix_app.protocol.push_rules.conditions import PushContext
from matrix_app.protocol.push_rules.evaluator import Compiled, compile_ruleset
from matrix_app.protocol.push_rules.event_view import EventView
from matrix_app.protocol.push_rules.everyone import (
    INVITED,
    MENTIONED,
    DefaultOutcome,
    default_outcome,
    invited_user,
    mentioned_users,
    named_users,
    outcome_under,
)
from matrix_app.protocol.push_rules.names import NOBODY, Named, NameIndex
from matrix_app.protocol.push_rules.outcome import SILENT, Outcome, outcome_of
from matrix_app.protocol.push_rules.room_upgrade import copy_room_rules
from matrix_app.protocol.push_rules.ruleset import (
    Custom,
    delete_rule,
    full_ruleset,
    get_rule,
    has_thread_rules,
    put_rule,
    rules_of_kind,
    set_actions,
    set_enabled,
    with_thread_rules,
)
from matrix_app.protocol.push_rules.stance import RoomStance, is_static_for_room

__all__ = [
    "INVITED",
    "MENTIONED",
    "NOBODY",
    "SILENT",
    "Compiled",
    "Custom",
    "DefaultOutcome",
    "EventView",
    "NameIndex",
    "Named",
    "Outcome",
    "PushContext",
    "RoomStance",
    "compile_ruleset",
    "copy_room_rules",
    "default_outcome",
    "delete_rule",
    "full_ruleset",
    "get_rule",
    "has_thread_rules",
    "invited_user",
    "is_static_for_room",
    "mentioned_users",
    "named_users",
    "outcome_of",
    "outcome_under",
    "put_rule",
    "rules_of_kind",
    "set_actions",
    "set_enabled",
    "with_thread_rules",
]
