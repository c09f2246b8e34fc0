"""What an administrator does with an account: each a form, and a message on the page after it."""

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
from admin_ui.sections.users.detail import found_account, shown
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import administer_account, moderate_account
from matrix_app.storage.accounts import Account

# Does something with an account; the message for the page.
Deed = Callable[[Visit, Account], str]


class PasswordForm(forms.Form):
    """A new password for somebody."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    sign_out = forms.BooleanField(
        label=_("Sign the user out everywhere"),
        required=False,
        initial=True,
        help_text=_("Keys of encrypted messages that are on those devices only are lost with them."),
    )


@page("admin", confirmed=True)
def set_password(visit: Visit, nid: int) -> HttpResponse:
    """Give a user another password."""
    account = found_account(nid)
    form = PasswordForm(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        try:
            administer_account.set_password(
                visit.actor, account.user_id, given["password"], sign_out=given["sign_out"]
            )
        except MatrixError as error:
            form.add_error("password", told(error))
        else:
            return visit.redirect(reverse("admin:user", args=[nid]), _t("The password has been changed."))
    return shown(visit, "password", account, "password", form=form)


def _action(deed: Deed, *, confirmed: bool = True) -> Callable[..., HttpResponseBase]:
    @page("admin", confirmed=confirmed)
    def answer(visit: Visit, nid: int) -> HttpResponse:
        message = deed(visit, found_account(nid)) if visit.is_post else ""
        return visit.redirect(reverse("admin:user", args=[nid]), message)

    return answer


def _lock(visit: Visit, account: Account) -> str:
    locked = account.locked_ts is None
    moderate_account.set_locked(visit.requester, account.user_id, locked, visit.actor)
    return _t("The account is locked.") if locked else _t("The account is open again.")


def _suspend(visit: Visit, account: Account) -> str:
    suspended = account.suspended_ts is None
    moderate_account.set_suspended(visit.requester, account.user_id, suspended, visit.actor)
    return _t("The account is suspended.") if suspended else _t("The account is suspended no more.")


def _admin(visit: Visit, account: Account) -> str:
    administer_account.set_admin(visit.actor, account.user_id, not account.is_admin)
    if account.is_admin:
        return _t("The user is no administrator any more.")
    return _t("The user is an administrator now.")


def _sign_out(visit: Visit, account: Account) -> str:
    administer_account.sign_out_everywhere(visit.actor, account.user_id)
    return _t("The user has been signed out everywhere.")


def _remove_devices(visit: Visit, account: Account) -> str:
    chosen = visit.form.getlist("chosen")
    if chosen:
        administer_account.remove_devices(visit.actor, account.user_id, chosen)
    return _t("The devices have been signed out.") if chosen else ""


def _rename_device(visit: Visit, account: Account) -> str:
    device_id, name = (visit.form.get(key, "").replace("\0", "") for key in ("device", "name"))
    administer_account.rename_device(visit.actor, account.user_id, device_id, name.strip())
    return _t("The device has another name now.")


def _reset_second_factor(visit: Visit, account: Account) -> str:
    administer_account.reset_second_factor(visit.actor, account.user_id)
    return _t("The second factor has been removed: the password is enough now.")


def _deactivate(visit: Visit, account: Account) -> str:
    visit.require_typed(account.user_id)
    erase = visit.form.get("erase") == "on"
    administer_account.deactivate(visit.actor, account.user_id, erase=erase)
    return _t("The account has been deactivated.")


def _redact(visit: Visit, account: Account) -> str:
    reason = visit.form.get("reason", "")[:500].replace("\0", "")
    administer_account.redact_everything(visit.actor, account.user_id, reason)
    return _t("The messages are being redacted: see the tasks.")


ACTIONS: dict[str, Callable[..., HttpResponseBase]] = {
    "lock": _action(_lock, confirmed=False),
    "suspend": _action(_suspend, confirmed=False),
    "admin": _action(_admin),
    "sign-out": _action(_sign_out),
    "remove-devices": _action(_remove_devices),
    "rename-device": _action(_rename_device, confirmed=False),
    "reset-second-factor": _action(_reset_second_factor),
    "deactivate": _action(_deactivate),
    "redact": _action(_redact),
}
