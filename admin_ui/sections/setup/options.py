"""What may be chosen: who may join, calls, and mail. These are settings, which can be changed later too."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.settings.views import changes_of, form_of
from admin_ui.sections.setup.looking import Looking
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.config.runtime import RuntimeKey, runtime_keys
from appliance.config.stored import fixed_keys
from appliance.diagnostics.registry import all_checks
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import mail as mail_service
from matrix_app.services import setup
from matrix_app.services.change_settings import change_settings

MODES = (
    ("token", _("Those whom you invite: by a link, or a token that they type (recommended)")),
    ("closed", _("Nobody: you make every account yourself")),
    ("open", _("Anybody. Spammers find such servers within days: require mail or a captcha too")),
)
CALLS = ("turn.uris", "turn.secret")
MAIL = ("mail.host", "mail.port", "mail.security", "mail.user", "mail.password", "mail.sender")


def turn_checks() -> list[str]:
    """The IDs of the checks that try the TURN server."""
    return [check.id for check in all_checks().values() if check.group == "turn"]


TRYING: Final = Looking("calls", "calls_began", turn_checks)


def settings_of(names: tuple[str, ...]) -> list[RuntimeKey]:
    """Settings by their names."""
    known = runtime_keys()
    return [known[name] for name in names]


def are_changed(visit: Visit, settings: list[RuntimeKey], form: forms.Form) -> bool:
    """Whether the form was right, and its settings are in effect."""
    if not (visit.is_post and form.is_valid()):
        return False
    try:
        change_settings(visit.actor, changes_of(settings, form))
    except MatrixError as error:
        form.add_error(None, told(error))
        return False
    return True


def _options(visit: Visit, name: str, keys: tuple[str, ...], **shown: Any) -> HttpResponse:
    """A step that is a form of settings."""
    settings = settings_of(keys)
    form = form_of(settings, visit.form if visit.is_post else None)
    if are_changed(visit, settings, form):
        if name == "calls":
            setup.remember(**{TRYING.key: 0})  # what was found is of the settings before
        stays = "stay" in visit.form
        return visit.redirect(reverse(f"setup:{name}")) if stays else go_on(visit, name)
    locked = [key for key in keys if key in fixed_keys()]
    return show(visit, name, form=form, locked=locked, has_mail=mail_service.is_configured(), **shown)


@step("registration")
def registration(visit: Visit) -> HttpResponse:
    """Who may make an account."""
    settings = settings_of(("registration.mode",))
    form = form_of(settings, visit.form if visit.is_post else None)
    present = form.fields["registration-mode"]
    form.fields["registration-mode"] = forms.ChoiceField(
        label=_("Who may make an account here"),
        choices=MODES,
        widget=forms.RadioSelect,
        initial=present.initial,
        disabled=present.disabled,
    )
    if are_changed(visit, settings, form):
        return go_on(visit, "registration")
    return show(visit, "registration", form=form, locked=present.disabled)


@step("calls")
def calls(visit: Visit) -> HttpResponse:
    """A TURN server, or none; whether it gives relays is tried."""
    found = TRYING.found() if get_config().turn.uris else None
    return _options(visit, "calls", CALLS, found=found)


@step("calls")
def try_calls(visit: Visit) -> HttpResponse:
    """Have the TURN server give relays over each transport, as clients do."""
    return TRYING.run(visit)


@page("setup")
def calls_rows(visit: Visit) -> HttpResponse:
    """What has been found of the TURN server so far."""
    return TRYING.rows(visit)


@step("mail")
def mail(visit: Visit) -> HttpResponse:
    """A mail server, or none."""
    return _options(visit, "mail", MAIL)


@step("mail")
def test_mail(visit: Visit) -> HttpResponse:
    """Send a mail, to see whether it arrives."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:mail"))
    to = visit.form.get("to", "").strip()
    mail_service.send_test(visit.actor, to)
    return visit.redirect(reverse("setup:mail"), _t("The mail server has taken the mail to %s.") % to)
