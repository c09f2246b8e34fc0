"""Browsers with sessions on the pages, without the detour over a password."""

from __future__ import annotations

from matrix_app.services.web_sign_in import ACCOUNT, ADMIN, open_session
from matrix_app.storage import db, web_sessions
from matrix_app.storage.accounts import Account
from tests.factories.browser import Browser

IP = "127.0.0.1"


def browser_of(account: Account, *areas: str, confirmed: bool = True) -> Browser:
    """The browser of somebody who is signed in to some areas, and confirmed it just now or long ago."""
    visitor = Browser()
    for area in areas:
        visitor.client.cookies[f"hearth_{area}"] = open_session(area, account, IP, "a browser").token
    if not confirmed:
        with db.write():
            for session in web_sessions.of_user(account.user_nid):
                web_sessions.confirm(session.nid, 1)
    return visitor


def browser_of_admin(account: Account, *, confirmed: bool = True) -> Browser:
    """As `browser_of`, for the administration and the account."""
    return browser_of(account, ADMIN, ACCOUNT, confirmed=confirmed)
