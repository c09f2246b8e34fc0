"""Restoring instead of setting up: which backup, what it is, whether it is whole, and the order."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.sections.setup.steps import StepView, show, step
from admin_ui.visit import Visit
from appliance.backup import keeping, receiving, unpack_task
from appliance.backup import task as backup_task
from appliance.backup.errors import BackupError, WrongKey
from appliance.backup.keys import MOST_BYTES
from appliance.backup.kit_reading import open_for_good
from appliance.backup.layout import Stored, stored_backups
from appliance.backup.old_configuration import old_address
from appliance.backup.order import hindrances, order_restore, outcome_for, require_unused
from appliance.backup.parts import open_backup
from appliance.backup.remote.store import remote_title
from appliance.config import get_config, setup_file
from appliance.config.current import base_config
from matrix_app.protocol.errors import Forbidden, MatrixError

SHOWN_BACKUPS = 50
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class KitForm(forms.Form):
    """What opens an encrypted backup."""

    kit = forms.CharField(
        label=_("Emergency kit"), required=False, max_length=MOST_BYTES, strip=False,
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 4}),
        help_text=_("Its whole text, or the line that begins with AGE-SECRET-KEY-1."),
    )  # fmt: skip
    file = forms.FileField(label=_("Or the kit as a file"), required=False)
    passphrase = forms.CharField(
        label=_("Passphrase of the kit, if it has one"), required=False, max_length=1000, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def data_given(self) -> bytes:
        """The kit as it was given."""
        file = self.cleaned_data["file"]
        return bytes(file.read(MOST_BYTES + 1)) if file else str(self.cleaned_data["kit"]).encode()


class ConfirmForm(forms.Form):
    """The last word before a backup takes this server's place."""

    address = forms.CharField(
        label=_("Address for clients"), max_length=255, widget=forms.TextInput(attrs=_PLAIN),
        help_text=_("Where Hearth is reached from outside from now on. It may be the same as before."),
    )  # fmt: skip
    typed_name = forms.CharField(max_length=255, widget=forms.TextInput(attrs=_PLAIN))
    despite = forms.BooleanField(label=_("Restore what is there all the same"), required=False)

    def __init__(self, stored: Stored, given: Any, address: str) -> None:
        super().__init__(given, initial={"address": address}, label_suffix="")
        name = stored.manifest.server_name
        self._name = name
        self.fields["typed_name"].label = _t("Type %s to confirm") % name
        self.fields["address"].disabled = "server.public_baseurl" in setup_file.fixed_names()
        self.fields["address"].required = not self.fields["address"].disabled
        if stored.verdict is None or not stored.verdict.faults:
            del self.fields["despite"]

    def clean_typed_name(self) -> str:
        """The name of the server that is restored."""
        if self.cleaned_data["typed_name"].strip() != self._name:
            raise forms.ValidationError(_t("This is not the name of the server; nothing has been done."))
        return self._name

    def clean_address(self) -> str:
        """A whole address; https where none is said."""
        given = str(self.cleaned_data["address"]).strip()
        if self.fields["address"].disabled or "://" in given:
            return given.rstrip("/")
        return f"https://{given}".rstrip("/")


def restoring_step(view: StepView) -> Any:
    """Declare a page of the way to a restored server: only while nobody has an account here."""

    def answer(visit: Visit, **path: Any) -> HttpResponse:
        try:
            require_unused()
        except Forbidden as error:
            if visit.is_for_script:
                return visit.json({"error": told(error)}, status=error.status)
            return visit.redirect(reverse("setup:home"), told(error), "error")
        return view(visit, **path)

    return step("start")(answer)


@restoring_step
def choose(visit: Visit) -> HttpResponse:
    """The backups that are here, and the ways by which others come."""
    folder = get_config().backup.dir
    outcome = outcome_for(cookies.session_token(visit.http, "setup"))
    return show(
        visit, "start", template="setup/restore", folder=folder,
        backups=stored_backups(folder)[:SHOWN_BACKUPS], files=unpack_task.single_files()[:SHOWN_BACKUPS],
        received=receiving.present(), limit=receiving.most_bytes(),
        plain_limit=get_config().web.max_body_bytes, failed=outcome if outcome and outcome.error else None,
        elsewhere=remote_title(),
    )  # fmt: skip


@restoring_step
def unpack(visit: Visit) -> HttpResponse:
    """Take a file of the folder apart."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore"))
    nid = unpack_task.start_unpacking(visit.actor, visit.form.get("file", ""))
    return visit.redirect(reverse("setup:restore-task", args=[nid]))


@restoring_step
def detail(visit: Visit, name: str) -> HttpResponse:
    """What a backup is; what opens it, whether it is whole, and the confirmation, one after the other."""
    return _detail(visit, keeping.find(name))


def _detail(visit: Visit, stored: Stored, **forms_given: forms.Form) -> HttpResponse:
    faults = hindrances(stored)
    values: dict[str, Any] = {"stored": stored, "manifest": stored.manifest, "hindrances": faults}
    if not faults and not _is_open(stored):
        values["kit"] = KitForm(label_suffix="")
    elif not faults and stored.verdict is not None:
        values["confirm"] = ConfirmForm(stored, None, _address(visit, stored))
    values |= forms_given
    status = 400 if forms_given else 200
    return show(visit, "start", template="setup/restore_detail", status=status, **values)


def _is_open(stored: Stored) -> bool:
    try:
        open_backup(stored)
    except WrongKey:
        return False
    return True


def _address(visit: Visit, stored: Stored) -> str:
    """Where clients will find it: as it is fixed, as it was, as the visitor came, or at its name."""
    if "server.public_baseurl" in setup_file.fixed_names():
        return base_config().server.public_baseurl
    if found := old_address(open_backup(stored)):
        return found
    return f"https://{visit.http.get_host() if visit.http.is_secure() else stored.manifest.server_name}"


@restoring_step
def open_with_kit(visit: Visit, name: str) -> HttpResponse:
    """Keep the key that opens the backup."""
    stored, here = keeping.find(name), reverse("setup:restore-backup", args=[name])
    if not visit.is_post:
        return visit.redirect(here)
    form = KitForm(visit.form, visit.http.FILES, label_suffix="")
    if form.is_valid():
        try:
            open_for_good(stored, form.data_given(), form.cleaned_data["passphrase"])
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(here, _t("The kit opens the backup."))
    return _detail(visit, stored, kit=form)


@restoring_step
def verify(visit: Visit, name: str) -> HttpResponse:
    """Restore it into a scratch place, and look at it."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore-backup", args=[name]))
    nid = backup_task.start_verification(visit.actor, keeping.find(name).manifest.id)
    return visit.redirect(reverse("setup:restore-task", args=[nid]))


@restoring_step
def confirm(visit: Visit, name: str) -> HttpResponse:
    """Give the order, which a new start carries out."""
    stored = keeping.find(name)
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore-backup", args=[name]))
    if not _is_open(stored):
        raise BackupError(_t("The backup is encrypted: give its emergency kit first."))
    form = ConfirmForm(stored, visit.form, _address(visit, stored))
    if form.is_valid():
        given = form.cleaned_data
        token = cookies.session_token(visit.http, "setup") or ""
        try:
            order_restore(
                visit.actor, stored, given["address"], token=token, despite=given.get("despite", False)
            )
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(reverse("setup:restoring"))
    return _detail(visit, stored, confirm=form)
