"""No text of anybody becomes a script: every page in Chromium, after one was planted in all texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.stage import PASSWORD, Stage, stage
from tests.admin_ui.security.planting import SCRIPT, SHORT, plant
from tests.clients.stories import needs_chromium
from tests.factories.ssh_server import PROGRAM
from tests.filled.addresses import Address, all_addresses
from tests.filled.filling import Filled

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
    pytest.mark.skipif(PROGRAM is None, reason="needs Debian's package openssh-server"),
]

# Where the script must be seen as text: or else nothing was tried.
SEEN: Final = {
    "admin:users",
    "admin:user",
    "admin:user-devices",
    "admin:user-rooms",
    "admin:user-media",
    "admin:user-pushers",
    "admin:user-account-data",
    "admin:rooms",
    "admin:room",
    "admin:room-members",
    "admin:room-state",
    "admin:media-list",
    "admin:media-entry",
    "admin:reports",
    "admin:report",
    "admin:policy-lists",
    "admin:policy-list",
    "admin:policy-rules",
    "account:home",
    "account:device",
}
_FOUND: Final = """() => {
    const faults = [], add = (one) => faults.push(one.outerHTML.slice(0, 200));
    if (window.planted !== undefined) faults.push("a script ran");
    for (const one of document.querySelectorAll("[data-planted]")) add(one);
    for (const one of document.querySelectorAll("[href], [src], [action], [formaction]")) {
        for (const name of ["href", "src", "action", "formaction"]) {
            if (/^\\s*(javascript|vbscript):/i.test(one.getAttribute(name) || "")) add(one);
        }
    }
    for (const one of document.querySelectorAll("*")) {
        if ([...one.attributes].some((each) => each.name.startsWith("on"))) add(one);
    }
    return faults;
}"""


def test_no_text_becomes_a_script(tmp_path: Path) -> None:
    with stage(tmp_path) as here:
        filled = plant(here)
        mallory = str(here.value(f"SELECT user_id FROM matrix_user WHERE nid = {filled.user}"))
        own = Hand(here.browser.new_context(user_agent=SCRIPT), here.server.public_base)
        own.sign_in("account", mallory, PASSWORD)
        visits = {"admin": here.owner, "account": own}
        seen: set[str] = set()
        faults = [fault for address in pages(filled) for fault in faults_of(visits, address, seen)]
        faults += asking_a_server(here)
    assert faults == [], "\n".join(faults)
    assert seen >= SEEN, f"nothing was planted at {sorted(SEEN - seen)}"


def pages(filled: Filled) -> list[Address]:
    """Those that show something; what only takes forms leads there too."""
    return [address for address in all_addresses(filled) if address.area in ("admin", "account")]


def faults_of(visits: dict[str, Hand], address: Address, seen: set[str]) -> Iterator[str]:
    hand = visits[address.area]
    answer = hand.page.context.request.get(hand.base + address.path, max_redirects=0)
    if answer.status == 303 or not answer.headers["content-type"].startswith("text/html"):
        return
    hand.complaints.clear()
    hand.open(address.path)
    text = hand.page.evaluate("document.documentElement.textContent")
    if SHORT in text or SCRIPT in text:
        seen.add(f"{address.area}:{address.name}")
    yield from (f"{address.path}: {fault}" for fault in hand.page.evaluate(_FOUND))
    told = [line for line in hand.complaints if not line.startswith("Failed to load resource")]
    yield from (f"{address.path}: {line}" for line in told)


def asking_a_server(here: Stage) -> Iterator[str]:
    """What a server says of itself, on the page that asks it and in the message that tells of it."""
    owner = here.owner
    owner.open(f"/admin/federation/test/?name={here.peer.name}")
    owner.press("Test")
    assert SCRIPT in owner.page.evaluate("document.documentElement.textContent")
    yield from owner.page.evaluate(_FOUND)
    owner.open(f"/admin/federation/{here.peer.name}/")
    owner.press("Ask it now")
    assert SCRIPT in owner.message()
    yield from owner.page.evaluate(_FOUND)
