"""Invitations to this server: tokens, shown as links and QR codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.qr import qr_picture
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.services import invitations as service
from matrix_app.services.public_address import public_baseurl
from matrix_app.storage import registration_tokens
from matrix_app.storage.clock import now_ms

KINDS = (("usable", _("Can be used")), ("ended", _("Used up or expired")), ("all", _("All")))
COLUMNS = (
    Column(_("Token")),
    Column(_("State")),
    Column(_("Used"), align="number"),
    Column(_("Expires")),
    Column(_("Made")),
)


class Filter(forms.Form):
    """What the list shows."""

    kind = forms.ChoiceField(label=_("Show"), choices=KINDS, required=False)


class LimitsForm(forms.Form):
    """How often and how long an invitation can be used."""

    uses_allowed = forms.IntegerField(
        label=_("How many may use it"), min_value=0, max_value=service.MOST_USES, required=False,
        help_text=_("Empty: as many as like."),
    )  # fmt: skip
    expires = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: it does not expire."),
    )

    @property
    def limits(self) -> dict[str, Any]:
        """The limits as the service takes them; the last day counts whole."""
        day = self.cleaned_data["expires"]
        end = None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        return {
            "uses_allowed": self.cleaned_data["uses_allowed"],
            "expires_ts": None if end is None else int(end.timestamp() * 1000) - 1,
        }


class NewForm(LimitsForm):
    """A new invitation."""

    token = forms.CharField(
        label=_("Token"), max_length=64, required=False, help_text=_("Empty: one is made up."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip


@page("admin")
def invitations(visit: Visit) -> HttpResponse:
    """All invitations, the newest first."""
    kind = visit.query("kind", "usable")
    kind = kind if kind in dict(KINDS) else "usable"
    place = _place(visit.query("after"))
    rows = registration_tokens.page(kind, now_ms(), after=place, limit=PAGE_SIZE + 1)
    table = Table(
        visit,
        COLUMNS,
        [(row, row.is_used_up() or (row.expires_ts or now_ms() + 1) <= now_ms()) for row in rows],
        key=lambda pair: place_of(pair[0].token, pair[0].created_ts),
        empty=_("There is no invitation. Make one, and send its link to a friend."),
        next_step=(_("New invitation"), reverse("admin:invitation-new")),
    )
    mode = get_config().registration.mode
    return visit.page(
        "invitations/list", table=table, form=Filter({"kind": kind}, label_suffix=""), mode=mode
    )


def _place(text: str) -> tuple[int, str] | None:
    found = read_place(text, str)
    return None if found is None else (found[1], found[0])


@page("admin")
def new(visit: Visit) -> HttpResponse:
    """Make an invitation."""
    form = NewForm(visit.form if visit.is_post else None, initial={"uses_allowed": 1}, label_suffix="")
    if visit.is_post and form.is_valid():
        try:
            made = service.create_token(visit.actor, token=form.cleaned_data["token"], **form.limits)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            address = reverse("admin:invitation", args=[made.token])
            return visit.redirect(address, _t("The invitation has been made."))
    return visit.page("invitations/new", form=form)


@page("admin")
def invitation(visit: Visit, token: str) -> HttpResponse:
    """An invitation as a link and a QR code; its limits can be changed."""
    row = registration_tokens.find(token)
    if row is None:
        raise NotFound(_t("There is no such invitation"))
    expires = None if row.expires_ts is None else datetime.fromtimestamp(row.expires_ts / 1000, UTC).date()
    initial = {"uses_allowed": row.uses_allowed, "expires": expires}
    form = LimitsForm(visit.form if visit.is_post else None, initial=initial, label_suffix="")
    if visit.is_post and form.is_valid():
        service.change_token(visit.actor, token, **form.limits)
        return visit.redirect(reverse("admin:invitation", args=[token]), _t("The limits have been changed."))
    link = public_baseurl() + reverse("account:join", args=[token])
    return visit.page("invitations/detail", row=row, form=form, link=link, picture=qr_picture(link))


@page("admin")
def delete(visit: Visit, token: str) -> HttpResponse:
    """Take an invitation back."""
    if visit.is_post:
        service.delete_token(visit.actor, token)
    message = _t("The invitation has been taken back.") if visit.is_post else ""
    return visit.redirect(reverse("admin:invitations"), message)
