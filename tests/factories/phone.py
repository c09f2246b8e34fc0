"""A phone that keeps the passkeys of a browser: Chromium's virtual authenticator."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

_KIND = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Phone:
    """What keeps the passkeys of the browser of a page; it knows its user by a fingerprint."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": _KIND})
        self._id: str = added["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        """The passkeys, as the browser tells of them."""
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def does_not_know_its_user(self) -> None:
        """Take every fingerprint for a wrong one."""
        wrong = {"authenticatorId": self._id, "isUserVerified": False}
        self._session.send("WebAuthn.setUserVerified", wrong)
