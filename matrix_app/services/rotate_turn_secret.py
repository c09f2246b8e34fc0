"""A new secret for the TURN server, in the file that holds it or sealed among the settings."""

from __future__ import annotations

import secrets

from appliance import turn_server
from appliance.config import get_config
from appliance.turn_server import NoSecret
from matrix_app.protocol.errors import Conflict
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.change_settings import change_settings


def rotate_turn_secret(actor: Actor) -> None:
    """Make a new secret; credentials that are in use need the one before until the TURN server has both.

    Raises `Conflict` where there is a fixed user in its place, `Forbidden` where the configuration
    says it.
    """
    turn = get_config().turn
    if turn.user:
        raise Conflict("The TURN server has a fixed user and no shared secret")
    if turn.secret_file is None:
        change_settings(actor, {"turn.secret": secrets.token_urlsafe(32)})
    else:
        turn_server.rotate(get_config())
    audit.record(actor, "turn.rotate_secret")


def turn_configuration() -> str:
    """What belongs into coturn's configuration, with the secret; raises `Conflict` where there is none."""
    try:
        return turn_server.configuration(get_config(), turn_server.relay_of(get_config()))
    except NoSecret as fault:
        raise Conflict(said("There is no shared secret: {fault}", fault=fault)) from fault
