"""Event authorisation of room versions 1 to 12, pure: an event and a state map in, a refusal or nothing out.

For a received event ("Checks performed on receipt of a PDU"): `check_state_independent` once with its auth
events; `check_state_dependent` with the state map of its auth events (and the create event, which version 12
does not list among them), with the state before it, and with the current state. For an event made here:
`check_event`. All raise `AuthorizationFailed`.
"""

from matrix_app.protocol.event_auth.create import creators_of
from matrix_app.protocol.event_auth.membership import join_rule_of, membership_of
from matrix_app.protocol.event_auth.power_levels import PowerLevels
from matrix_app.protocol.event_auth.redaction import may_apply_redaction
from matrix_app.protocol.event_auth.rules import check_event, check_state_dependent, check_state_independent
from matrix_app.protocol.event_auth.selection import auth_types_for_event

__all__ = [
    "PowerLevels",
    "auth_types_for_event",
    "check_event",
    "check_state_dependent",
    "check_state_independent",
    "creators_of",
    "join_rule_of",
    "may_apply_redaction",
    "membership_of",
]
