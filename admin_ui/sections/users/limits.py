"""How much somebody may send, where that is not what holds for everybody."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.users.detail import found_account, shown
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import administer_account
from matrix_app.services.administer_account import MOST_PER_SECOND
from matrix_app.storage.accounts import Account, MessageLimit


class LimitForm(forms.Form):
    """A limit of one's own."""

    per_second = forms.IntegerField(
        label=_("Messages a second"),
        min_value=0,
        max_value=MOST_PER_SECOND,
        help_text=_("How many are allowed for long. With 0 there are no rate limits at all for this user."),
    )
    burst = forms.IntegerField(
        label=_("Messages at once"),
        min_value=0,
        max_value=MOST_PER_SECOND,
        help_text=_("How many may come at once."),
    )


@page("admin")
def own_limits(visit: Visit, nid: int) -> HttpResponse:
    """Look at what a user may send, and change it."""
    account = found_account(nid)
    form = LimitForm(visit.form if visit.is_post else None, initial=_initial(account), label_suffix="")
    if visit.is_post and form.is_valid():
        limit = MessageLimit(form.cleaned_data["per_second"], form.cleaned_data["burst"])
        try:
            administer_account.set_message_limit(visit.actor, account.user_id, limit)
        except MatrixError as error:
            form.add_error("burst", told(error))
        else:
            return visit.redirect(
                reverse("admin:user-limits", args=[nid]), _t("The limit holds from now on.")
            )
    return shown(
        visit,
        "limits",
        account,
        "limits",
        form=form,
        limit=account.message_limit,
        limits=get_config().rate_limits,
    )


def _initial(account: Account) -> dict[str, int]:
    usual = get_config().rate_limits.message
    limit = account.message_limit or MessageLimit(round(usual.per_second), usual.burst)
    return limit._asdict()


@page("admin")
def remove(visit: Visit, nid: int) -> HttpResponse:
    """Have what holds for everybody hold for a user again."""
    account, message = found_account(nid), ""
    if visit.is_post:
        administer_account.set_message_limit(visit.actor, account.user_id, None)
        message = _t("The limits of everybody hold again.")
    return visit.redirect(reverse("admin:user-limits", args=[nid]), message)
