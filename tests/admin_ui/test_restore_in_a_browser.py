"""A server restored from the page of its setup, in Debian's Chromium, while clients wait: a minute each."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from appliance.backup.layout import find_backup
from appliance.backup.single_file import SingleFile
from appliance.backup.streams import copy
from tests.admin_ui.test_setup_of_a_server import nameless
from tests.clients.stories import direct_js, needs_chromium, needs_nio, needs_node
from tests.factories.chromium import Watched, chromium, is_of_waiting, kept_out, too_wide
from tests.factories.commands import command, register
from tests.real_server import RealServer, engines, scratch_database
from tests.toml_text import Tables

pytestmark = [pytest.mark.slow, needs_chromium]

SECONDS = 90_000
# Small pieces, so that a file is sent in many.
SETTINGS: Tables = {"web": {"max_body_bytes": 20_000}}


class Moving:
    """A server that is lost, and restored on another machine by whoever opens its setup."""

    def __init__(self, folder: Path, stack: ExitStack, url: str = "") -> None:
        self._folder, self._stack, self._url = folder, stack, url
        self._saved = folder / "saved"
        (folder / "old").mkdir()
        self.server = RealServer(folder / "old", database_url=self._database())

    def _database(self) -> str:
        return self._stack.enter_context(scratch_database(self._url)) if self._url else ""

    def backup(self) -> None:
        """Make a backup, and keep it elsewhere."""
        [made] = command(self.server.folder, "backup")["backups"]
        shutil.copytree(Path(made["folder"]).parent, self._saved)

    def lose(self) -> None:
        """End the server without a warning; an empty one takes its place, at its address."""
        self.server.crash()
        (self._folder / "new").mkdir()
        old = self.server
        self.server = nameless(
            RealServer(self._folder / "new", port=old.port, settings=SETTINGS, database_url=self._database())
        )
        shutil.rmtree(old.folder)
        self.server.start()

    def put_into_the_folder(self) -> None:
        """As somebody who copies files."""
        shutil.copytree(self._saved, self.server.folder / "var" / "backups", dirs_exist_ok=True)

    def as_file(self) -> Path:
        """As somebody who has fetched it as one file."""
        [folder] = [path for path in self._saved.iterdir() if (path / "manifest.json").is_file()]
        file = self._folder / "hearth.tar"
        with file.open("wb") as target:
            copy(SingleFile(find_backup(self._saved, folder.name)), target)
        return file


@contextmanager
def moving(folder: Path, url: str = "") -> Iterator[Moving]:
    with ExitStack() as stack:
        found = Moving(folder, stack, url)
        found.server.start()
        try:
            yield found
        finally:
            found.server.stop()


class Owner:
    """Who restores the server, on a phone; judges every page on the way."""

    def __init__(self, context: BrowserContext, moved: Moving) -> None:
        self.watched = Watched(context)
        self.page: Page = self.watched.page
        self._moved = moved

    def press(self, text: str) -> None:
        self.judge()
        self.page.evaluate("document.documentElement.dataset.pressed = 'yes'")
        self.page.get_by_role("button", name=text, exact=True).click()
        self.page.wait_for_selector("html:not([data-pressed])", timeout=SECONDS)
        self.page.wait_for_load_state()

    def judge(self) -> None:
        assert [*kept_out(self.page), *too_wide(self.page)] == [], self.page.url

    def come(self) -> None:
        """By the link that the server prints."""
        found = re.search(r"setup page +(\S+)", self._moved.server.log_end())
        assert found is not None
        self.page.goto(found[1])
        self.press("Begin")
        self.judge()
        self.page.get_by_role("link", name="Restore a backup").click()
        self.page.wait_for_load_state()

    def restore(self) -> None:
        """From the page of a backup to the sign-in of the restored server."""
        name = f"127.0.0.1:{self._moved.server.port}"
        assert self.page.locator("h2", has_text=name).count()
        self.press("Verify it")
        self.page.wait_for_url("**/restore/backups/**", timeout=SECONDS)
        assert self.page.get_by_text("sound", exact=True).count()
        self.page.get_by_label("Address for clients").fill(self._moved.server.base)
        self.page.get_by_label(f"Type {name} to confirm").fill(name)
        self.press("Restore it")
        self.page.wait_for_url("**/admin/sign-in/**", timeout=SECONDS)
        self.judge()
        text = self.page.locator("#messages").inner_text()
        assert f"{name} is restored" in text
        assert "Keep the old machine off" in text


@contextmanager
def owner(moved: Moving) -> Iterator[Owner]:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 360, "height": 740}, reduced_motion="reduce")
        found = Owner(context, moved)
        yield found
        context.close()


@needs_nio
@needs_node
@pytest.mark.parametrize("engine", engines())
def test_clients_go_on_with_a_server_whose_owner_chose_a_backup_from_the_folder(
    tmp_path: Path, engine: str
) -> None:
    url = os.environ["HEARTH_TEST_DATABASE"] if engine == "postgresql" else ""
    with moving(tmp_path, url) as moved:

        def restore() -> None:
            moved.lose()
            moved.put_into_the_folder()
            with owner(moved) as person:
                person.come()
                person.page.locator(".choices a").click()
                person.page.wait_for_load_state()
                person.restore()
                assert not [each for each in person.watched.complaints() if not is_of_waiting(each)]

        direct_js(
            "restore.mjs", {"backup": moved.backup, "restore": restore}, moved.server.base, sys.executable
        )


def test_a_file_is_sent_in_pieces_goes_on_after_a_break_and_its_user_goes_on_too(tmp_path: Path) -> None:
    with moving(tmp_path) as moved:
        someone = register(moved.server.base, "rosa")
        room = someone.ask(moved.server.base, "POST", "/createRoom", {"name": "Home"})["room_id"]
        moved.backup()
        file = moved.as_file()
        moved.lose()
        pieces: list[str] = []

        def break_once(route: Route) -> None:
            pieces.append(route.request.url)
            if len(pieces) == 3:
                route.abort()
            else:
                route.continue_()

        with owner(moved) as person:
            person.come()
            person.page.route("**/restore/upload/*/*/", break_once)
            person.judge()
            person.page.get_by_label("The file").set_input_files(file)
            person.page.get_by_role("button", name="Send it").click()
            person.page.wait_for_url("**/restore/backups/**", timeout=SECONDS)
            assert len(pieces) > 4
            assert pieces[2] == pieces[3], "it goes on where it was"
            assert all("ERR_FAILED" in each for each in person.watched.complaints())
            person.restore()
            assert not [each for each in person.watched.complaints() if not is_of_waiting(each)]
        assert not (moved.server.folder / "var" / "backups" / ".received").exists()
        someone.ask(
            moved.server.base,
            "PUT",
            f"/rooms/{room}/send/m.room.message/1",
            {"body": "I am back", "msgtype": "m.text"},
        )
        found = someone.ask(moved.server.base, "GET", "/sync?timeout=0")["rooms"]["join"][room]
        assert found["timeline"]["events"][-1]["content"]["body"] == "I am back"
