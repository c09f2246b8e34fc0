"""Making accounts from a table: upload, preview, and what came of it."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from admin_ui.csv_file import csv_file
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import InvalidParam, MatrixError
from matrix_app.services.user_import.kept import Options, find
from matrix_app.services.user_import.requests import (
    Preview,
    outcome,
    preview,
    remove,
    skipped_rows,
    start,
    take_passwords,
    upload,
)
from matrix_app.services.user_import.table import MOST_BYTES, MOST_ROWS
from matrix_app.storage import user_imports

_RECENT: Final = 10
_MODES: Final = (
    ("stop", _("make no account at all")),
    ("skip", _("leave them out, and make the others")),
)
# Said by verdicts on rows.
REASONS: Final = (
    gettext_noop("The row has more cells than there are columns"),
    gettext_noop("Guests, users of bridges and deactivated accounts cannot be made"),
    gettext_noop("Whether somebody is an administrator is yes or no"),
    gettext_noop("The user is in the table twice"),
    gettext_noop("The mail address belongs to an account already"),
    gettext_noop("The mail address is in the table twice"),
    gettext_noop("The user ID is one of another server"),
    gettext_noop("That is not a mail address"),
    gettext_noop("The user name is taken"),
)


class UploadForm(forms.Form):
    """A table, and how it is to be taken."""

    table = forms.FileField(label=_("Table (CSV)"))
    mode = forms.ChoiceField(label=_("If there are rows that cannot be imported"), choices=_MODES)
    all_random = forms.BooleanField(
        label=_("Make a random password for everybody, even if the table has one"), required=False
    )


@page("admin", confirmed=True)
def upload_table(visit: Visit) -> HttpResponse:
    """Upload a table, and go on to what would happen with it."""
    form = UploadForm(visit.form, visit.http.FILES) if visit.is_post else UploadForm()
    form.label_suffix = ""
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        options = Options(skip=given["mode"] == "skip", all_random=given["all_random"])
        nid = upload(visit.actor, _content(given["table"]), options)
        return visit.redirect(reverse("admin:users-import-table", args=[nid]))
    return visit.page("users/import", form=form, most_rows=MOST_ROWS, recent=user_imports.recent(_RECENT))


def _content(given: UploadedFile[Any]) -> bytes:
    if (given.size or 0) > MOST_BYTES:
        raise InvalidParam(_t("The file is too large: five megabytes are the most"))
    content: bytes = given.read()
    return content


@page("admin")
def table(visit: Visit, nid: int) -> HttpResponse:
    """What would happen with a table; once it is begun with, what has come of it."""
    done = outcome(find(nid))
    if done is not None:
        template = "users/import_state" if visit.is_partial else "users/import_outcome"
        return visit.page(template, nid=nid, outcome=done)
    return _preview(visit, nid, preview(nid))


def _preview(visit: Visit, nid: int, shown: Preview) -> HttpResponse:
    if shown.found is None:
        template = "users/import_look_state" if visit.is_partial else "users/import_look"
        return visit.page(template, nid=nid, shown=shown)
    if visit.is_partial:  # what asked shows that it is being looked at, and is over
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    refused = [(one, told(MatrixError(one.reason))) for one in shown.found.refused]
    return visit.page("users/import_preview", nid=nid, shown=shown, found=shown.found, refused=refused)


@page("admin", confirmed=True)
def begin(visit: Visit, nid: int) -> HttpResponse:
    """Have the accounts made."""
    if visit.is_post:
        start(visit.actor, nid)
    return visit.redirect(reverse("admin:users-import-table", args=[nid]))


@page("admin", confirmed=True)
def passwords(visit: Visit, nid: int) -> HttpResponseBase:
    """The passwords that were made: once."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:users-import-table", args=[nid]))
    found = take_passwords(visit.actor, nid)
    rows = [(user_id.removeprefix("@"), password) for user_id, password in found]
    return csv_file("passwords.csv", ("user", "password"), rows)


@page("admin", confirmed=True)
def skipped(visit: Visit, nid: int) -> HttpResponseBase:
    """The rows of which no account was made, to be mended and uploaded again."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:users-import-table", args=[nid]))
    columns, rows = skipped_rows(visit.actor, nid)
    return csv_file("skipped.csv", ("reason", *columns), [(reason, *cells) for reason, cells in rows])


@page("admin", confirmed=True)
def forget(visit: Visit, nid: int) -> HttpResponse:
    """Forget a table and what came of it before its time."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:users-import-table", args=[nid]))
    remove(visit.actor, nid)
    return visit.redirect(reverse("admin:users-import"), _t("The table has been forgotten."))
