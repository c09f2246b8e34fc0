"""Settings that may be changed while the server runs, section by section."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.settings.fields import field_of
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.config.runtime import RuntimeKey, runtime_keys
from appliance.config.stored import fixed_keys
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.services.change_settings import change_settings, reset_setting
from matrix_app.services.mail import send_test
from matrix_app.storage import settings as stored

TITLES = {
    "server": _("This server"),
    "registration": _("Registration"),
    "oauth": _("Sign-in from apps (OAuth 2.0)"),
    "captcha": _("Captcha"),
    "password_policy": _("Passwords"),
    "pages": _("Sign-in to these pages"),
    "mail": _("Mail"),
    "rate_limits": _("Rate limits"),
    "limits": _("Limits"),
    "federation": _("Federation"),
    "media": _("Media"),
    "rooms": _("Rooms"),
    "retention": _("How long records are kept"),
    "push": _("Notifications"),
    "notices": _("Server notices"),
    "turn": _("Calls: TURN"),
    "rtc": _("Calls: conferences"),
    "diagnostics": _("Checks"),
    "alerts": _("Alerts"),
    "metrics": _("Metrics"),
    "updates": _("Newer releases"),
    "backup": _("Backups"),
}


def sections() -> dict[str, list[RuntimeKey]]:
    """The settings by section, in the order of hearth.toml."""
    found: dict[str, list[RuntimeKey]] = {}
    for setting in runtime_keys().values():
        found.setdefault(setting.name.partition(".")[0], []).append(setting)
    return found


def present_value(name: str) -> Any:
    """What a setting says now."""
    value: Any = get_config()
    for part in name.split("."):
        value = getattr(value, part)
    return value


def form_of(settings: list[RuntimeKey], given: Any) -> forms.Form:
    """The form of a section; a dot cannot be in the name of a field everywhere, so it is a dash."""
    fixed = fixed_keys()
    form = forms.Form(given, label_suffix="")
    for setting in settings:
        field = field_of(setting, locked=setting.name in fixed)
        field.initial = None if setting.is_secret else present_value(setting.name)
        form.fields[setting.name.replace(".", "-")] = field
    return form


def changes_of(settings: list[RuntimeKey], form: forms.Form) -> dict[str, Any]:
    """What the visitor changed, by the names of the settings."""
    fixed, changes = fixed_keys(), {}
    for setting in settings:
        value = form.cleaned_data[setting.name.replace(".", "-")]
        present = present_value(setting.name)
        present = list(present) if isinstance(present, tuple) else present
        untouched = value == present or (setting.is_secret and not value)
        if setting.name not in fixed and not untouched:
            changes[setting.name] = value
    return changes


@page("admin")
def index(visit: Visit) -> HttpResponse:
    """The sections."""
    shown = [(name, TITLES.get(name, name), len(found)) for name, found in sections().items()]
    return visit.page("settings/index", sections=shown)


@page("admin", confirmed=True)
def section(visit: Visit, name: str) -> HttpResponse:
    """The settings of a section, and changing them."""
    settings = sections().get(name)
    if settings is None:
        raise NotFound(_t("There is no such section"))
    form = form_of(settings, visit.form if visit.is_post else None)
    if visit.is_post and form.is_valid():
        try:
            change_settings(visit.actor, changes_of(settings, form))
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            address = reverse("admin:settings-section", args=[name])
            return visit.redirect(address, _t("The settings have been changed, and are in effect."))
    fixed, changed = fixed_keys(), stored.all_values()
    rows = [
        (form[setting.name.replace(".", "-")], setting, setting.name in fixed, setting.name in changed)
        for setting in settings
    ]
    return visit.page("settings/section", form=form, rows=rows, name=name, title=TITLES.get(name, name))


@page("admin", confirmed=True)
def reset(visit: Visit, name: str) -> HttpResponse:
    """Let the default decide again."""
    setting = visit.form.get("setting", "")
    if visit.is_post:
        reset_setting(visit.actor, setting)
    message = _t("The setting is as it was before.") if visit.is_post else ""
    return visit.redirect(reverse("admin:settings-section", args=[name]), message)


@page("admin")
def test_mail(visit: Visit) -> HttpResponse:
    """Send a mail, to see whether it arrives."""
    address = reverse("admin:settings-section", args=["mail"])
    if not visit.is_post:
        return visit.redirect(address)
    to = visit.form.get("to", "").strip()
    send_test(visit.actor, to)
    return visit.redirect(address, _t("The mail server has taken the mail to %s.") % to)
