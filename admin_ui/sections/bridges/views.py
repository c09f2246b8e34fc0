"""Bridges: how they are, pausing them, adding and removing them."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import InvalidParam, MatrixError, NotFound
from matrix_app.services import appservice_admin
from matrix_app.services.appservice_admin import MOST_BYTES, ServiceState
from matrix_app.services.appservices import named_appservice
from matrix_app.storage import audit

# Does something with a bridge; the message for the page.
Deed = Callable[[Visit, ServiceState], str]


class NewForm(forms.Form):
    """The registration of a bridge, as text or as a file."""

    text = forms.CharField(
        label=_("Its registration (YAML)"),
        required=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "mono"}),
    )
    file = forms.FileField(label=_("or the file"), required=False)

    def registration(self) -> str:
        """What was given; raises `InvalidParam` for nothing, and for what is no text."""
        given = self.cleaned_data["file"]
        if given is None:
            text: str = self.cleaned_data["text"]
        elif given.size > MOST_BYTES:
            raise InvalidParam(_t("The file is too large"))
        else:
            text = _decoded(given.read())
        if not text.strip():
            raise InvalidParam(_t("Paste the registration, or choose its file"))
        return text


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidParam(_t("The file is no text")) from None


def _state(service_id: str) -> ServiceState:
    for state in appservice_admin.states():
        if state.id == service_id:
            return state
    raise NotFound(_t("There is no such bridge"))


@page("admin")
def bridges(visit: Visit) -> HttpResponse:
    """All bridges: those of the configuration first."""
    return visit.page("bridges/list", bridges=appservice_admin.states())


@page("admin", confirmed=True)
def new(visit: Visit) -> HttpResponse:
    """Add a bridge, or change one that was added here."""
    form = (
        NewForm(visit.form, visit.http.FILES, label_suffix="") if visit.is_post else NewForm(label_suffix="")
    )
    if visit.is_post and form.is_valid():
        try:
            added = appservice_admin.add(form.registration(), visit.actor)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(reverse("admin:bridge", args=[added.id]), _t("The bridge has been added."))
    return visit.page("bridges/new", form=form)


@page("admin")
def bridge(visit: Visit, service_id: str) -> HttpResponse:
    """A bridge: how it is, what it claims, and what can be done with it."""
    return visit.page(
        "bridges/detail",
        bridge=_state(service_id),
        service=named_appservice(service_id),
        history=audit.page(before=None, limit=10, target=service_id),
    )


@page("admin", secret=True)
def download(visit: Visit, service_id: str) -> HttpResponse:
    """The registration of a bridge that was added here, as a file."""
    text = appservice_admin.registration_text(service_id, visit.actor)
    return _file(text)


def _file(text: str) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="registration.yaml"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/yaml", headers=headers)


def _action(deed: Deed, *, confirmed: bool = True) -> Callable[..., HttpResponseBase]:
    @page("admin", confirmed=confirmed)
    def answer(visit: Visit, service_id: str) -> HttpResponse:
        message = deed(visit, _state(service_id)) if visit.is_post else ""
        return visit.redirect(reverse("admin:bridge", args=[service_id]), message)

    return answer


def _pause(visit: Visit, state: ServiceState) -> str:
    appservice_admin.set_paused(state.id, not state.is_paused, visit.actor)
    if state.is_paused:
        return _t("The bridge is told everything again, from where it was.")
    return _t("The bridge is told nothing for now. What happens meanwhile waits for it.")


def _ping(visit: Visit, state: ServiceState) -> str:
    return _t("The bridge answered after %d ms.") % appservice_admin.ping_now(state.id, visit.actor)


@page("admin", confirmed=True)
def _rotate(visit: Visit, service_id: str) -> HttpResponse:
    """New tokens, shown once with what is to be done with them."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:bridge", args=[service_id]))
    text = appservice_admin.rotate_tokens(service_id, visit.actor)
    return visit.page("bridges/rotated", bridge=_state(service_id), text=text)


@page("admin", confirmed=True)
def _remove(visit: Visit, service_id: str) -> HttpResponse:
    """Remove a bridge that was added here."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:bridge", args=[service_id]))
    visit.require_typed(service_id)
    appservice_admin.remove(service_id, visit.actor)
    return visit.redirect(reverse("admin:bridges"), _t("The bridge has been removed."))


ACTIONS: dict[str, Callable[..., HttpResponseBase]] = {
    "pause": _action(_pause, confirmed=False),
    "ping": _action(_ping, confirmed=False),
    "rotate": _rotate,
    "remove": _remove,
}
