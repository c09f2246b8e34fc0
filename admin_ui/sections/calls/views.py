"""Calls: the TURN server and its secret, whether it gives relays, and where conferences meet."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.sections.checks.views import groups
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.config.stored import fixed_keys
from matrix_app.services import audit
from matrix_app.services.rotate_turn_secret import rotate_turn_secret, turn_configuration

MODES: dict[str, Promise | str] = {
    "none": _("No TURN server: calls work only where two devices reach each other directly"),
    "user": _("A fixed user and password"),
    "file": _("A shared secret in a file"),
    "sealed": _("A shared secret, sealed in the database"),
    "fixed": _("A shared secret that the configuration file says"),
    "missing": _("TURN servers, but neither a secret nor a user: they will refuse everybody"),
}


def _mode() -> str:
    turn = get_config().turn
    if turn.user:
        return "user"
    if turn.secret_file is not None:
        return "file"
    if turn.secret:
        return "fixed" if "turn.secret" in fixed_keys() else "sealed"
    return "missing" if turn.uris else "none"


@page("admin")
def calls(visit: Visit) -> HttpResponse:
    """How calls are set up, and what the checks found."""
    config, mode = get_config(), _mode()
    return visit.page(
        "calls/overview",
        turn=config.turn,
        rtc=config.rtc,
        mode=mode,
        mode_text=MODES[mode],
        can_rotate=mode not in ("user", "fixed"),
        has_secret=mode in ("file", "sealed", "fixed"),
        checks=next((group for group in groups() if group.name == "turn"), None),
    )


@page("admin", confirmed=True)
def rotate(visit: Visit) -> HttpResponse:
    """Make a new secret, and show what the TURN server needs to know of it."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:calls"))
    rotate_turn_secret(visit.actor)
    return visit.redirect(
        reverse("admin:calls-turnserver"),
        _t("There is a new secret. Calls need the TURN server to know it: put this into its configuration."),
    )


@page("admin", secret=True)
def turnserver(visit: Visit) -> HttpResponse:
    """What belongs into the configuration of coturn, with the secret."""
    text = turn_configuration()
    audit.record(visit.actor, "turn.show_secret")
    return visit.page("calls/turnserver", text=text)
