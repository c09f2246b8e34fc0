"""Archives of what an account has here: the same on the page of the account and on that of administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

from admin_ui.visit import Visit
from matrix_app.http.file_answer import ranged
from matrix_app.protocol.ids import localpart_of
from matrix_app.services.account_export.progress import Options
from matrix_app.services.account_export.requests import ask, cancel, fetch, latest, lifetime_ms, remove
from matrix_app.services.account_export.uploads import name_of
from matrix_app.storage.accounts import Account

_DAY_MS = 24 * 3_600_000


class DataPage:
    """The page of an account's archive: for the account itself, or for administrators."""

    def __init__(self, account: Account, address: str, *, for_admins: bool) -> None:
        self.account = account
        # Where the page is; its actions are below it.
        self.address = address
        self.for_admins = for_admins

    def values(self) -> dict[str, Any]:
        """What the page shows."""
        return {
            "export": latest(self.account.user_nid, for_admins=self.for_admins),
            "address": self.address,
            "days": lifetime_ms() // _DAY_MS,
        }

    def make(self, visit: Visit) -> HttpResponse:
        """Have an archive made."""
        if not visit.is_post:
            return visit.redirect(self.address)
        options = Options(
            history=visit.form.get("history") == "on",
            media=visit.form.get("media") == "on",
            sealed=not self.for_admins,
            language=get_language() or "en",
        )
        ask(visit.actor, self.account, options, for_admins=self.for_admins)
        return visit.redirect(
            self.address, _t("The export is being made. You may leave this page meanwhile.")
        )

    def cancel(self, visit: Visit) -> HttpResponse:
        """End the making of an archive."""
        if visit.is_post:
            cancel(visit.actor, self.account.user_nid, for_admins=self.for_admins)
        return visit.redirect(
            self.address, _t("The export ends after its present step.") if visit.is_post else ""
        )

    def remove(self, visit: Visit) -> HttpResponse:
        """Remove an archive before its time."""
        if visit.is_post:
            remove(visit.actor, self.account, for_admins=self.for_admins)
        return visit.redirect(self.address, _t("The export has been removed.") if visit.is_post else "")

    def archive(self, visit: Visit) -> HttpResponseBase:
        """The archive; a part of it, to who was interrupted. Its page is declared with `secret=True`."""
        found = fetch(visit.actor, self.account, for_admins=self.for_admins)
        name = name_of(localpart_of(self.account.user_id))
        headers = {
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="hearth-{name}.zip"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "ETag": f'"export-{found.nid}"',
        }
        return ranged(found, headers, visit.http.META)
