"""Telling a user, or everybody, something in the name of the server."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services.send_notice import LONGEST, send_notice, send_to_everybody, text_notice
from matrix_app.storage import accounts, audit


class NoticeForm(forms.Form):
    """Whom to tell what."""

    to = forms.CharField(
        label=_("To"),
        max_length=255,
        required=False,
        help_text=_("The whole name, such as @anna:example.org; nobody for everybody."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    text = forms.CharField(label=_("Text"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 8}))
    everybody = forms.BooleanField(label=_("Send it to everybody"), required=False)

    def clean(self) -> None:
        """Everybody is told only by who says so, and nobody else then."""
        given = super().clean() or {}
        if bool(given.get("to")) == bool(given.get("everybody")):
            self.add_error("to", _t("Name a user, or choose to send it to everybody."))


@page("admin", confirmed=True)
def notices(visit: Visit) -> HttpResponse:
    """Send a notice; everybody gets it by a long task."""
    form = NoticeForm(
        visit.form if visit.is_post else None, initial={"to": visit.query("to")}, label_suffix=""
    )
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        try:
            if given["everybody"]:
                nid = send_to_everybody(visit.actor, given["text"])
                return visit.redirect(reverse("admin:task", args=[nid]), _t("The notice is being sent."))
            send_notice(visit.actor, given["to"].strip(), text_notice(given["text"]))
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(reverse("admin:notices"), _t("The notice has been sent."))
    lists = (audit.page(before=None, limit=10, action=name) for name in ("notice.send", "notice.send_all"))
    sent = sorted((entry for found in lists for entry in found), key=lambda entry: -entry.nid)[:10]
    return visit.page("notices/send", form=form, people=accounts.count_people(), sent=sent)
