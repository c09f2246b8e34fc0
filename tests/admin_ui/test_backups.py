"""The page of backups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.backup import keys, layout
from appliance.backup.make import make
from appliance.backup.unpack import unpack
from appliance.config import Config
from appliance.config.current import use_config
from appliance.diagnostics.checks.backup import emergency_kit, place
from appliance.diagnostics.result import Status
from matrix_app.services import long_tasks
from matrix_app.storage import audit
from matrix_app.storage import long_tasks as stored
from tests.factories.backups import quiet
from tests.factories.browser import Browser
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    replace = msgspec.structs.replace
    with use_config(replace(config, backup=replace(config.backup, dir=tmp_path / "backups"))) as changed:
        yield changed


def _fetch(browser: Browser, name: str, part: str) -> bytes:
    """A part as the view hands it to the event loop, which sends it."""
    page = f"/admin/backups/{name}/"
    return b"".join(browser.ask(f"{page}fetch/{part}/", {}, page=page))


def _work() -> None:
    for row in stored.unfinished():
        long_tasks.run(row.nid)


def test_a_backup_is_made_verified_fetched_and_removed(browser: Browser, here: Config) -> None:
    assert "There are no backups yet" in browser.get("/admin/backups/").text
    assert browser.post("/admin/backups/make/", page="/admin/backups/").address.startswith("/admin/tasks/")
    _work()
    shown = browser.get("/admin/backups/")
    [name] = shown.texts("tbody td:first-child")
    assert shown.texts("tbody .badge") == ["not verified"]
    page = f"/admin/backups/{name}/"
    browser.post(f"{page}verify/", page=page)
    _work()
    assert browser.get(page).texts("main .badge") == ["sound"]
    assert _fetch(browser, name, "files.tar") == (here.backup.dir / name / "files.tar").read_bytes()
    assert "Type" in browser.post(f"{page}remove/", page=page).message
    assert browser.post(f"{page}remove/", {"typed_name": name}, page=page).address == "/admin/backups/"
    assert layout.stored_backups(here.backup.dir) == []
    actions = {row.action for row in audit.page(before=None, limit=20)}
    assert {"backup.fetch", "backup.remove", "task.start"} <= actions


@pytest.mark.parametrize(
    ("language", "fault"),
    [
        ("en", "files.tar is damaged: its size or hash is not that of the manifest"),
        ("de", "files.tar ist beschädigt: Größe oder Hash ist nicht die aus dem Manifest"),
        ("fr", "files.tar est endommagé\u00a0: sa taille ou son empreinte n\u2019est pas celle du manifeste"),
    ],
)
def test_what_a_verification_found_is_said_in_the_language_of_the_visitor(
    browser: Browser, here: Config, language: str, fault: str
) -> None:
    made = make("test", quiet)
    (made.folder / "files.tar").write_bytes(b"something else")
    page = f"/admin/backups/{made.manifest.id}/"
    browser.post(f"{page}verify/", page=page)
    _work()
    browser.client.cookies["hearth_language"] = language
    assert browser.get(page).texts(".notice.error") == [" ".join(fault.split())]


def test_the_kit_of_encrypted_backups_is_handed_out_once(browser: Browser, here: Config) -> None:
    assert "They are not encrypted" in browser.get("/admin/backups/").text
    keys.renew_key()
    with settings(backup={"encrypt": True}):
        assert emergency_kit().status is Status.WARN
        shown = browser.get("/admin/backups/")
        assert "nobody can open the backups" in shown.text
        assert keys.name_of(keys.own_key()) in shown.text
        assert keys.own_key() not in shown.text
        got = browser.post("/admin/backups/kit/", page="/admin/backups/")
        assert keys.own_key() in got.text
        assert got.headers["Content-Disposition"] == 'attachment; filename="hearth-kit-hearth.example.txt"'
        assert got.headers["Cache-Control"] == "no-store"
        shown = browser.get("/admin/backups/")
        assert "was handed out" in shown.text
        assert "handed out before" in browser.post("/admin/backups/kit/", page="/admin/backups/").message
        assert emergency_kit().status is Status.OK


def test_the_page_of_an_encrypted_backup_names_its_key(browser: Browser, here: Config) -> None:
    with settings(backup={"encrypt": True}):
        made = make("test", quiet)
    assert made.manifest.encryption is not None
    assert made.manifest.encryption.key in browser.get(f"/admin/backups/{made.manifest.id}/").text
    part = _fetch(browser, made.manifest.id, "files.tar.age")
    assert part.startswith(b"age-encryption.org/v1")


def test_a_backup_is_fetched_as_one_file(browser: Browser, here: Config, tmp_path: Path) -> None:
    made = make("test", quiet)
    page = f"/admin/backups/{made.manifest.id}/"
    assert "As one file" in browser.get(page).text
    sent = browser.ask(f"{page}download/", {}, page=page)
    content = b"".join(sent)
    assert sent["Content-Length"] == str(len(content))
    (tmp_path / "one.tar").write_bytes(content)
    layout.remove_folder(made.folder)
    assert unpack(tmp_path / "one.tar", quiet).manifest == made.manifest
    assert audit.page(before=None, limit=1)[0].action == "backup.fetch"


@pytest.mark.parametrize("name", ["2026-01-01T000000Z", "..", "pool", "x"])
def test_what_is_not_a_backup_is_not_found(browser: Browser, here: Config, name: str) -> None:
    (here.backup.dir / "pool").mkdir(parents=True)
    assert browser.get(f"/admin/backups/{name}/").status == 404


def test_what_is_not_a_part_is_not_handed_out(browser: Browser, here: Config) -> None:
    made = make("test", lambda *_told: None)
    page = f"/admin/backups/{made.manifest.id}/"
    (made.folder / "other").write_text("not of the backup")
    found = browser.post(f"{page}fetch/other/", page=page)
    assert "There is no such part" in found.text + found.message


def test_backups_on_the_disk_of_the_data_are_told_of(here: Config) -> None:
    assert place().status is Status.OK, "there is no folder yet"
    here.backup.dir.mkdir(parents=True)
    assert "lost with it" in place().summary
