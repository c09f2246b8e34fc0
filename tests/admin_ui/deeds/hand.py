"""A hand at a browser: opens pages, fills in, presses, and waits for what comes."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, Request, Response

from tests.admin_ui.deeds.registry import action_of
from tests.factories.chromium import faults_on_screens, set_screen

# Actions that answer with a page of their own, and need more around them than a filled server has: whoever
# presses their buttons looks at that page on every screen.
LOOKED_AT: Final = frozenset({"admin:backups-host-key"})


class Hand:
    """A page of somebody's own browser; notes which forms were sent, and what is complained of."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.page: Page = context.new_page()
        # Waiting ends when there is what is waited for; a busy machine may take its time.
        self.page.set_default_timeout(60_000)
        self.base = base
        self.sent: list[str] = []
        # The actions that answered with a page, and did not lead to another.
        self.answered: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", self._note)
        self.page.on("response", self._note_answer)
        self.page.on(
            "console", lambda line: self.complaints.append(line.text) if line.type == "error" else None
        )
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.sent.append(action_of(urlsplit(request.url).path))

    def _note_answer(self, answer: Response) -> None:
        is_page = answer.status < 300 and answer.headers.get("content-type", "").startswith("text/html")
        if is_page and answer.request.method == "POST" and answer.request.is_navigation_request():
            self.answered.add(action_of(urlsplit(answer.url).path))

    def open(self, path: str) -> None:
        """Go to a page of the server."""
        self.page.goto(self.base + path)

    def follow(self, text: str) -> None:
        """Follow a link."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("link", name=text, exact=True).click()

    def fill(self, label: str, value: str) -> None:
        """Write into a field."""
        self.page.get_by_label(label, exact=True).locator("visible=true").fill(value)

    def choose(self, label: str, value: str) -> None:
        """Choose from a list."""
        self.page.get_by_label(label, exact=True).select_option(value)

    def check(self, label: str) -> None:
        """Set a mark."""
        self.page.get_by_label(label, exact=True).locator("visible=true").check()

    def unfold(self, text: str) -> None:
        """Open what lies behind a dangerous button."""
        self.page.locator("summary", has_text=text).click()

    def button(self, text: str) -> Locator:
        """A button that is seen."""
        return self.page.get_by_role("button", name=text, exact=True).locator("visible=true")

    def press(self, text: str) -> None:
        """Press a button, and wait for the page that it leads to."""
        with self.page.expect_navigation() as brought:
            self.button(text).click()
        answer = brought.value
        if answer.request.method == "POST" and action_of(urlsplit(answer.url).path) in LOOKED_AT:
            self.complaints += faults_on_screens(self.page)
            set_screen(self.page)

    def fetch(self, text: str, role: str = "button") -> str:
        """Press a button, or follow a link, that brings a file; what is in it."""
        with self.page.expect_download() as brought:
            if role == "link":
                self.page.get_by_role("link", name=text, exact=True).click()
            else:
                self.button(text).first.click()
        return Path(brought.value.path()).read_text(encoding="utf-8", errors="replace")

    def type_to_confirm(self, name: str) -> None:
        """Type the name of what is in danger; before that the button cannot be pressed."""
        field = self.page.locator("input[name=typed_name]").locator("visible=true")
        assert self.page.locator("form", has=field).locator("button.danger").is_disabled()
        field.fill(name)

    def message(self) -> str:
        """What the page says of what was done."""
        return self.page.locator("#messages").inner_text()

    def says(self, text: str) -> None:
        """The page says that it was done."""
        assert text in self.message(), self.page.locator("main").inner_text()[:500]

    def sign_in(self, area: str, user_id: str, password: str) -> None:
        """Give a name and a password."""
        self.open(f"/{area}/sign-in/")
        self.fill("User name", user_id)
        self.fill("Password", password)
        self.press("Sign in")
