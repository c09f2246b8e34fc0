"""A browser of somebody on the pages: keeps cookies, sends forms with the token against forgery."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pyotp
from django.test import Client, RequestFactory
from django.urls import resolve
from selectolax.lexbor import LexborHTMLParser as Html

from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD


class Shown:
    """A page that was shown."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.address: str = response.request["PATH_INFO"]
        self.text: str = response.content.decode() if not response.streaming else ""
        self.html = Html(self.text)

    def texts(self, selector: str) -> list[str]:
        """The texts of the elements that a CSS selector finds."""
        return [" ".join(found.text().split()) for found in self.html.css(selector)]

    def href(self, selector: str) -> str:
        """Where the first link that a CSS selector finds leads to."""
        found = self.html.css_first(selector)
        assert found is not None, f"there is no {selector}"
        return str(found.attributes["href"])

    @property
    def message(self) -> str:
        """The message that the action before left."""
        return " ".join(self.texts("#messages"))


class Browser:
    """A browser, at first signed in nowhere."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def get(self, address: str, **query: str) -> Shown:
        """Open a page, and follow where it leads."""
        return Shown(self.client.get(address, query, follow=True))

    def post(self, address: str, fields: dict[str, Any] | None = None, *, page: str = "") -> Shown:
        """Send a form, with the token of the page that it is on (by default the one it is sent to)."""
        token = self.token(page or address)
        data = {"csrfmiddlewaretoken": token, **(fields or {})}
        return Shown(
            self.client.post(
                address, data, follow=True, headers={"referer": f"http://testserver{page or address}"}
            )
        )

    def token(self, page: str) -> str:
        """The token against forgery of a page."""
        found = self.get(page).html.css_first("input[name=csrfmiddlewaretoken]")
        assert found is not None, f"{page} has no form"
        return str(found.attributes["value"])

    def ask(
        self,
        address: str,
        fields: dict[str, Any] | None = None,
        *,
        page: str = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The view's own answer, for files that the event loop sends; a form where fields are given."""
        if fields is None:
            request = RequestFactory().get(address, headers=headers)
        else:
            form = {"csrfmiddlewaretoken": self.token(page or address), **fields}
            given = {"referer": f"http://testserver{page or address}", **(headers or {})}
            request = RequestFactory(headers=given).post(address, form)
        request.COOKIES = {key: morsel.value for key, morsel in self.client.cookies.items()}
        found = resolve(urlsplit(address).path)
        return found.func(request, *found.args, **found.kwargs)

    def sign_in(self, account: Account, *, area: str = "admin", password: str = PASSWORD) -> Shown:
        """Sign in with a password."""
        return self.post(f"/{area}/sign-in/", {"name": account.user_id, "password": password})


def code_of(secret: str) -> str:
    """What an authenticator app shows now."""
    return pyotp.TOTP(secret).now()
