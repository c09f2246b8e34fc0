"""The way into the setup: the one-time code, and whether this is a new server or a restored one."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import setup


class CodeForm(forms.Form):
    """The one-time code."""

    code = forms.CharField(
        label=_("Setup code"),
        max_length=64,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "data-from-fragment": "",
            }
        ),
        help_text=_("Hearth printed it when it started; the command hearth setup-url prints a new one."),
    )


@page("setup")
def home(visit: Visit) -> HttpResponse:
    """Where the setup was left."""
    return visit.redirect(reverse(f"setup:{visit.setup.step}"))


@page("setup", session=False)
def unlock(visit: Visit) -> HttpResponse:
    """Prove to be the owner. A link has the code in its fragment, from which a script fills it in."""
    form = CodeForm(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        try:
            token = setup.unlock(form.cleaned_data["code"], visit.ip)
        except MatrixError as error:
            form.add_error("code", told(error))
        else:
            response = visit.redirect(reverse("setup:home"))
            cookies.put_session(response, visit.http, "setup", token)
            return response
    return visit.page("setup/unlock", status=400 if visit.is_post else 200, form=form)


@step("start")
def start(visit: Visit) -> HttpResponse:
    """A new server, or one whose backup is at hand."""
    if visit.is_post:
        return go_on(visit, "start")
    return show(visit, "start", can_restore=setup.name_can_change())
