"""Debian's Chromium, which keeps what scripts and the policy complain of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Literal

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.clients.stories import CHROMIUM

WIDTHS = (1280, 360)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 800
# Not one of axe's usual rules, but of WCAG 2.2.
AXE_RULES = {"rules": {"target-size": {"enabled": True}}}
# Of long lists the first dozen: all rows come from one template.
MORE_OF_THE_SAME = ["tbody tr:nth-child(n+13)", ".log li:nth-child(n+13)"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


def signed_in(browser: Browser, base: str, tokens: Mapping[str, str]) -> BrowserContext:
    """A profile that is signed in by tokens of areas, and shows no transitions."""
    context = browser.new_context(base_url=base, reduced_motion="reduce")
    for area, token in tokens.items():
        context.add_cookies([{"name": f"hearth_{area}", "value": token, "url": base}])
    return context


class Watched:
    """A page, and what it has complained of: errors of scripts, of loading, and of the policy."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self._said: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda fault: self._said.append(str(fault)))

    def _heard(self, line: ConsoleMessage) -> None:
        # That the page itself came with 404 is told too, where an error page is looked at.
        is_status = line.text.startswith("Failed to load resource") and line.location["url"] == self.page.url
        if line.type == "error" and not is_status:
            self._said.append(line.text)

    def complaints(self) -> list[str]:
        """What was complained of since this was asked last."""
        said, self._said = self._said, []
        return said


def is_of_waiting(line: str) -> bool:
    """Whether a complaint is that a page which waits for a new start was not answered once: it asks again."""
    return line.startswith(("htmx:", "Failed to load resource"))


def set_screen(page: Page, width: int = WIDTHS[0], scheme: Literal["light", "dark"] = SCHEMES[0]) -> None:
    """Look at pages on a screen of a width, by day or by night."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=scheme)


def faults_on_screens(page: Page) -> Iterator[str]:
    """What is wrong with the page that is open, on each screen; the last of them stays."""
    for width, scheme in product(WIDTHS, SCHEMES):
        set_screen(page, width, scheme)
        # Only its colours are others in another scheme.
        for fault in (*kept_out(page, contrast_only=scheme != SCHEMES[0]), *too_wide(page)):
            yield f"at {width}, {scheme}: {fault}"


def kept_out(page: Page, *, contrast_only: bool = False) -> list[str]:
    """What keeps people out of a page, as axe finds it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    options = {"runOnly": ["color-contrast"]} if contrast_only else AXE_RULES
    found = page.evaluate(
        "([exclude, options]) => axe.run({ exclude }, options)",
        [MORE_OF_THE_SAME, {**options, "resultTypes": ["violations"]}],
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


def too_wide(page: Page) -> list[str]:
    """What reaches over the right edge of the screen, outside of what scrolls by itself."""
    return [f"over the edge: {each}" for each in page.evaluate(_TOO_WIDE)]


def unseen_focus(page: Page) -> list[str]:
    """What can be reached by the keyboard, and does not show that it has been."""
    return [f"focus is not seen: {each}" for each in page.evaluate(_UNSEEN_FOCUS)]


_TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = (element) => {
        for (let one = element.parentElement; one; one = one.parentElement)
            if (getComputedStyle(one).overflowX !== "visible") return true;
        return false;
    };
    return [...document.body.querySelectorAll("*")]
        .filter((one) => one.getBoundingClientRect().right > width + 1 && !scrolls(one))
        .slice(0, 4).map((one) => one.outerHTML.slice(0, 160));
}"""
_UNSEEN_FOCUS = """() => {
    const fields = ":is(button, input, select, textarea):not([disabled], [type=hidden])";
    const reached = `a[href], summary, [tabindex='0'], ${fields}`;
    const unseen = [];
    for (const one of document.querySelectorAll(reached)) {
        if (!one.checkVisibility()) continue;
        one.focus({ focusVisible: true, preventScroll: true });
        if (document.activeElement !== one) unseen.push(`cannot be reached ${one.outerHTML.slice(0, 160)}`);
        else if (getComputedStyle(one).outlineStyle === "none") unseen.push(one.outerHTML.slice(0, 160));
    }
    document.activeElement?.blur();
    return unseen.slice(0, 4);
}"""
