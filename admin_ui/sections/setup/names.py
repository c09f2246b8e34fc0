"""The names of the server: chosen once, seen before they are taken, and in effect after a new start."""

from __future__ import annotations

import time
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from appliance.config.current import base_config
from appliance.restart import can_restart, request_restart
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import setup
from matrix_app.services.spoken import spoken
from matrix_app.services.timer import timer

RESTART_AFTER_SECONDS = 1.0
# After this a new start has taken too long.
PATIENCE_SECONDS = 120
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NamesForm(forms.Form):
    """What the server is called, and where clients find it."""

    name = forms.CharField(
        label=_("Name of the server"), max_length=255,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "example.org", "data-preview": "@you:%"}),
        help_text=_("Your domain: it is part of the address of everybody here, and can never be changed."),
    )  # fmt: skip
    address = forms.CharField(
        label=_("Address for clients"), max_length=255,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "https://matrix.example.org"}),
        help_text=_("Where Hearth is reached from outside, through a proxy that does TLS. It may be the same"
                    " domain or another, and can be changed later."),
    )  # fmt: skip

    def clean_name(self) -> str:
        """The domain alone, however it was written."""
        given = self.cleaned_data["name"].strip().lower()
        return str(given.removeprefix("https://").rstrip("/").rpartition("@")[2].removeprefix("you:"))

    def clean_address(self) -> str:
        """A whole address; https where none is said."""
        given = str(self.cleaned_data["address"]).strip()
        if self.fields["address"].disabled:
            return given  # as it is fixed, even if to nothing
        return (given if "://" in given else f"https://{given}").rstrip("/")

    def clean(self) -> dict[str, Any]:
        """What the configuration would not take is told here."""
        given = self.cleaned_data
        if "name" in given and "address" in given:
            for problem in setup.check_names(given["name"], given["address"]):
                field = {"server.name": "name", "server.public_baseurl": "address"}.get(problem.key)
                self.add_error(field, spoken(problem.message))
        return given


def _form(visit: Visit) -> NamesForm:
    server, locked = base_config().server, setup.locked_names()
    initial = {"name": server.name, "address": server.public_baseurl}
    if not server.public_baseurl and "server.public_baseurl" not in locked:
        initial["address"] = _address_of(visit)
    form = NamesForm(visit.form if visit.is_post else None, initial=initial, label_suffix="")
    form.fields["name"].disabled = "server.name" in locked
    form.fields["address"].disabled = "server.public_baseurl" in locked
    form.fields["address"].required = not form.fields["address"].disabled
    return form


def _address_of(visit: Visit) -> str:
    """The address that the visitor came by, where it is one for the public."""
    return f"https://{visit.http.get_host()}" if visit.http.is_secure() else ""


@step("names")
def names(visit: Visit) -> HttpResponse:
    """Choose the names: first they are shown as they will be, then they are taken."""
    form = _form(visit)
    chosen = None
    if visit.is_post and form.is_valid():
        chosen = form.cleaned_data
        if visit.form.get("sure") == f"{chosen['name']} {chosen['address']}" or _is_present(chosen):
            try:
                needs_start = setup.choose_names(chosen["name"], chosen["address"], visit.actor)
            except MatrixError as error:
                form.add_error(None, told(error))
            else:
                return _started_anew(visit) if needs_start else go_on(visit, "names")
    return show(
        visit, "names", form=form, chosen=chosen if form.is_valid() else None,
        locked=setup.locked_names(), can_change=setup.name_can_change(),
    )  # fmt: skip


def _is_present(chosen: dict[str, Any]) -> bool:
    server = base_config().server
    return bool((chosen["name"], chosen["address"]) == (server.name, server.public_baseurl))


def _started_anew(visit: Visit) -> HttpResponse:
    setup.remember(restart_began=int(time.time()))
    setup.reach("connectivity")
    # The answer and the page that it leads to must be there before the processes go.
    timer.call_in(RESTART_AFTER_SECONDS, request_restart)
    return visit.redirect(reverse("setup:restarting"))


@step("names")
def restarting(visit: Visit) -> HttpResponse:
    """Wait until the processes have the new names; the page asks again by itself, without scripts."""
    wanted = {key: visit.setup.data.get(key) for key in ("name", "address")}
    if wanted["name"] is None:
        return visit.redirect(reverse("setup:names"))
    if _is_present(wanted):
        return visit.redirect(reverse("setup:connectivity"))
    waited = time.time() - visit.setup.data.get("restart_began", 0)
    return show(
        visit, "names", template="setup/restarting", server=wanted["name"],
        by_hand=not can_restart() or waited > PATIENCE_SECONDS,
    )  # fmt: skip
