"""A check by itself: what it found, and whether anybody is told of it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.sections.checks.views import Shown
from admin_ui.visit import Visit
from appliance.diagnostics.registry import Check, all_checks
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services.mute_check import LONGEST_REASON, mute_check, unmute_check
from matrix_app.storage import check_mutes, check_results
from matrix_app.storage.clock import now_ms

SPANS = (
    ("1", _("For a day")),
    ("7", _("For a week")),
    ("30", _("For a month")),
    ("365", _("For a year")),
    ("0", _("For good")),
)


class MuteForm(forms.Form):
    """Why a check is muted, and for how long."""

    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON)
    days = forms.TypedChoiceField(label=_("For how long"), choices=SPANS, coerce=int, initial="7")


def _known(id: str) -> Check:
    found = all_checks().get(id)
    if found is None:
        raise NotFound(_t("There is no such check"))
    return found


@page("admin")
def check(visit: Visit, id: str) -> HttpResponse:
    """What it found last, and the form that mutes it."""
    known = _known(id)
    row, mute = check_results.all_rows().get(id), check_mutes.present(now_ms()).get(id)
    return visit.page("checks/one", shown=Shown(known, row, mute), form=MuteForm(label_suffix=""))


@page("admin")
def mute(visit: Visit, id: str) -> HttpResponse:
    """Tell nobody of it for a time, or never again."""
    known, address = _known(id), reverse("admin:check", args=[id])
    if not visit.is_post:
        return visit.redirect(address)
    form = MuteForm(visit.form)
    if not form.is_valid():
        raise InvalidParam(_t("Say why the check is muted, and for how long"))
    mute_check(visit.actor, known.id, form.cleaned_data["reason"], form.cleaned_data["days"] or None)
    return visit.redirect(address, _t("The check is muted."))


@page("admin")
def unmute(visit: Visit, id: str) -> HttpResponse:
    """Tell of it again."""
    address = reverse("admin:check", args=[_known(id).id])
    if visit.is_post:
        unmute_check(visit.actor, id)
        return visit.redirect(address, _t("The check is told of again."))
    return visit.redirect(address)
