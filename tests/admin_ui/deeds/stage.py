"""Where the deeds are done: a server with what surrounds it, an owner at a browser, people with clients."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.sync_api import Browser, sync_playwright

from tests.admin_ui.deeds.hand import Hand
from tests.clients.stories import CHROMIUM
from tests.factories.http_service import HttpService, http_service
from tests.factories.mail_server import MailServer, mail_server
from tests.factories.ssh_server import SshServer, ssh_server
from tests.faults.database import Database
from tests.faults.peer import Call, Home, Peer
from tests.faults.world import SETTINGS as NEAR_SERVERS
from tests.federation.certificates import Authority
from tests.interop.people import PASSWORD, Person, eventually, register
from tests.real_server import RealServer
from tests.toml_text import Tables, merged

VERSION = "11"


class Stage:
    """The server, its owner, and everybody else."""

    def __init__(
        self,
        server: RealServer,
        browser: Browser,
        *,
        mail: MailServer,
        service: HttpService,
        peer: Peer,
        machine: SshServer,
    ) -> None:
        self.server, self.mail, self.service, self.peer, self.machine = server, mail, service, peer, machine
        self.database = Database(server.database_url)
        self.browser = browser
        self.hands: list[Hand] = []
        self.owner_person = self.person("owner", admin=True)
        self.owner = self.signed_in(self.owner_person, "admin")

    def person(self, name: str = "user", *, admin: bool = False) -> Person:
        """Somebody new with a client."""
        person = register(self.server.base, name)
        if admin:
            nid = self.user_nid(person)
            self.database.run(f"UPDATE account SET is_admin = 1 WHERE user_nid = {nid}")
        return person

    def hand(self) -> Hand:
        """Somebody at a browser of their own, signed in nowhere."""
        hand = Hand(self.browser.new_context(reduced_motion="reduce"), self.server.public_base)
        self.hands.append(hand)
        return hand

    def signed_in(self, person: Person, area: str = "account") -> Hand:
        """Somebody at a browser of their own, signed in."""
        hand = self.hand()
        hand.sign_in(area, person.user_id, PASSWORD)
        return hand

    def user_nid(self, person: Person) -> int:
        """The number of a user in addresses."""
        return int(self.value(f"SELECT nid FROM matrix_user WHERE user_id = '{person.user_id}'"))

    def room_nid(self, room_id: str) -> int:
        """The number of a room in addresses."""
        return int(self.value(f"SELECT nid FROM room WHERE room_id = '{room_id}'"))

    def value(self, sql: str) -> Any:
        """The first column of the first row."""
        found = self.database.run(sql)
        return found[0][0] if found else None

    def open_user(self, person: Person, tab: str = "") -> Hand:
        """The owner looks somebody up, and opens a tab of the account."""
        name = person.user_id.partition(":")[0][1:]
        self.owner.open(f"/admin/users/?kind=all&q={name}")
        self.owner.follow(name)
        if tab:
            self.owner.follow(tab)
        return self.owner

    def open_room(self, room_id: str, tab: str = "") -> Hand:
        """The owner opens a tab of a room."""
        self.owner.open(f"/admin/rooms/{self.room_nid(room_id)}/{tab}")
        return self.owner

    def room(self, person: Person, **more: Any) -> str:
        """A new room of somebody."""
        return person.create_room(VERSION, **more)

    @contextmanager
    def worker_is_busy(self) -> Iterator[None]:
        """Inside the block the worker waits for a mail to be taken, for a quarter of a minute at most."""
        arrived, enough, name = threading.Event(), threading.Event(), secrets.token_hex(8)

        def react(mail: Message) -> None:
            if name in str(mail["To"]):
                arrived.set()
                enough.wait(15)

        self.mail.react = react
        body = {"client_secret": name, "email": f"{name}@example.org", "send_attempt": 1}
        self.person().post("account", "3pid", "email", "requestToken", body=body)
        assert arrived.wait(30), "no mail was sent"
        try:
            yield
        finally:
            enough.set()
            self.mail.react = lambda _mail: None

    def task_is_done(self, hand: Hand) -> None:
        """The page of a task, on which the owner is, comes to say that it is done."""
        hand.page.locator("#state:not([hx-get])").wait_for(timeout=60_000)
        state = hand.page.locator("#state").inner_text()
        assert state.startswith("done"), f"{hand.page.locator('h1').inner_text()}: {state}"

    def audited(self, after: int = 0) -> list[tuple[int, str]]:
        """What the pages have written into the audit log."""
        rows = self.database.run(
            f"SELECT nid, action FROM audit_entry WHERE via = 'page' AND nid > {after} ORDER BY nid"
        )
        return [(int(nid), str(action)) for nid, action in rows]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A server called localhost, since passkeys need a name, with a peer, a mail server and a web service."""
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server())
        service = stack.enter_context(http_service(b"{}"))
        machine = stack.enter_context(ssh_server(folder / "machine"))
        server = RealServer(folder, settings=_settings(mail, machine), public_host="localhost")
        stack.enter_context(server)
        home = Home(server.base.removeprefix("http://"), server.base)
        peer = Peer(home, Authority(folder).server_context("127.0.0.1"))
        stack.callback(peer.close)
        peer.answers["version"] = _version
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        stack.callback(browser.close)
        yield Stage(server, browser, mail=mail, service=service, peer=peer, machine=machine)


async def _version(_call: Call) -> web.StreamResponse:
    return web.json_response({"server": {"name": "Elsewhere", "version": "1"}})


def _settings(mail: MailServer, machine: SshServer) -> Tables:
    there = machine.config(str(machine.folder / "there"))
    sftp = {name: getattr(there, name) for name in ("host", "port", "user", "folder")}
    mine: Tables = {
        "mail": mail.settings,
        "alerts": {"mail_to": ["alerts@example.org"], "matrix": False},
        "backup": {"encrypt": True, "remote": "sftp", "sftp": sftp},
        "outgoing": {"allow_private_addresses": True},
    }
    return merged(NEAR_SERVERS, mine)


__all__ = ["PASSWORD", "Stage", "eventually", "stage"]
