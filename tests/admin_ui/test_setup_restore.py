"""Restoring from the setup: which backups there are, what opens them, and who may have them restored."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from msgspec.structs import replace

from admin_ui import cookies
from appliance import secrets
from appliance.backup import keys, kit, layout, receiving
from appliance.backup.layout import Stored
from appliance.backup.make import make
from appliance.backup.single_file import SingleFile
from appliance.backup.streams import copy
from appliance.backup.task import start_if_due
from appliance.config import Config, get_config
from appliance.config.current import use_config
from appliance.restore_order import (
    Outcome,
    forget_order,
    read_order,
    read_outcome,
    write_order,
    write_outcome,
)
from appliance.setup_code import new_setup_code
from matrix_app.services import setup
from matrix_app.storage import audit, setup_state
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.accounts import make_account
from tests.factories.backups import place_of_its_own, quiet
from tests.factories.browser import Browser, Shown
from tests.factories.holding import holding
from tests.factories.tasks import run_tasks

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "hearth.example"
PAGE = "/setup/restore/"
ADDRESS = "https://matrix.hearth.example"


@pytest.fixture(autouse=True, params=[False, True], ids=["plain", "encrypted"])
def here(config: Config, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Config]:
    """A server that is not set up, with folders of its own."""
    place = place_of_its_own(config, tmp_path)
    backup = replace(place.backup, encrypt=request.param)
    with use_config(replace(place, backup=backup)) as changed:
        secrets.create_all()
        yield changed


@pytest.fixture
def browser(here: Config) -> Browser:
    """Somebody who has unlocked the setup."""
    visitor = Browser()
    visitor.post("/setup/unlock/", {"code": new_setup_code()})
    return visitor


@pytest.fixture
def made(here: Config) -> Stored:
    return make("test", quiet)


def page_of(stored: Stored) -> str:
    return f"{PAGE}backups/{stored.manifest.id}/"


def verified(browser: Browser, stored: Stored) -> Shown:
    """Have it verified by the worker, and go on to its page."""
    browser.post(f"{page_of(stored)}verify/", page=page_of(stored))
    run_tasks()
    return browser.get(page_of(stored))


def confirmed(browser: Browser, stored: Stored, **fields: str) -> Shown:
    given = {"typed_name": NAME, "address": ADDRESS, **fields}
    return browser.post(f"{page_of(stored)}confirm/", given, page=page_of(stored))


def test_backups_of_the_folder_are_shown_and_what_each_of_them_is(browser: Browser, here: Config) -> None:
    assert browser.get("/setup/start/").href("a.button") == PAGE
    assert str(here.backup.dir) in browser.get(PAGE).text
    stored = make("test", quiet)
    shown = browser.get(browser.get(PAGE).href(".choices a"))
    assert shown.address == page_of(stored)
    assert stored.manifest.hearth_version in shown.text
    assert ("encrypted" in shown.texts(".facts dd")[-2]) == here.backup.encrypt
    assert not shown.html.css("input[name=typed_name]"), "it is verified first"
    assert "sound" in verified(browser, stored).text


def test_what_was_verified_and_confirmed_is_ordered_and_the_server_asked_for_a_new_start(
    browser: Browser, made: Stored, here: Config
) -> None:
    assert verified(browser, made).html.css("input[name=typed_name]")
    with holding(here.server.run_dir) as process:
        assert confirmed(browser, made).address == "/setup/restoring/"
        assert process.stdout is not None
        assert process.stdout.readline() == "anew\n"
        order = read_order(here.server.data_dir)
        assert order is not None
        assert (order.backup, order.server_name, order.address) == (made.manifest.id, NAME, ADDRESS)
        assert order.setup_file is None
        assert "come back" in browser.get("/setup/restoring/").text
    assert audit.page(before=None, limit=1)[0].action == "setup.restore"


def test_nothing_is_ordered_without_the_name_a_real_address_or_a_server_that_starts_anew(
    browser: Browser, made: Stored, here: Config
) -> None:
    verified(browser, made)
    assert confirmed(browser, made, typed_name="other.example").texts(".wrong-text")
    assert confirmed(browser, made, address="").texts(".wrong-text")
    assert confirmed(browser, made, address="https://not an address").texts(".notice.error")
    assert "hearth restore" in " ".join(confirmed(browser, made).texts(".notice.error"))
    assert read_order(here.server.data_dir) is None


def test_one_that_was_not_verified_or_not_found_whole_is_not_ordered(
    browser: Browser, made: Stored, here: Config
) -> None:
    with holding(here.server.run_dir):
        verified(browser, made)
        (made.folder / layout.VERDICT).unlink()
        assert "verified first" in " ".join(confirmed_without_page(browser, made).texts(".notice.error"))
        (made.folder / layout.VERDICT).write_text('{"ts": 1, "faults": ["a file of media is missing"]}')
        assert "not found whole" in " ".join(confirmed(browser, made).texts(".notice.error"))
        assert confirmed(browser, made, despite="on").address == "/setup/restoring/"


def confirmed_without_page(browser: Browser, stored: Stored) -> Shown:
    """As somebody who has had the form open for long."""
    given = {"typed_name": NAME, "address": ADDRESS}
    return browser.post(f"{page_of(stored)}confirm/", given, page=PAGE)


def test_a_server_with_accounts_has_no_way_to_a_restore(browser: Browser, made: Stored) -> None:
    verified(browser, made)
    token = browser.token(page_of(made))
    make_account("karl")
    assert not browser.get("/setup/start/").html.css(f'a[href="{PAGE}"]')
    for address in (PAGE, page_of(made), f"{PAGE}elsewhere/s3/"):
        shown = browser.get(address)
        assert shown.address == "/setup/start/"
        assert "nothing is restored over it" in shown.message
    assert sent_by_a_script(browser, token) == (403, "This server has accounts: nothing is restored over it")
    fields = {"csrfmiddlewaretoken": token, "typed_name": NAME, "address": ADDRESS}
    for deed in ("confirm", "verify", "kit"):
        answer = browser.client.post(f"{page_of(made)}{deed}/", fields)
        assert answer.status_code == 303
        assert answer.cookies["hearth_flash"].value
    assert stored_tasks.unfinished() == []
    assert read_order(get_config().server.data_dir) is None


def sent_by_a_script(browser: Browser, token: str) -> tuple[int, str]:
    headers = {"accept": "application/json", "x-csrftoken": token}
    answer = browser.client.post(f"{PAGE}upload/", {"name": "x", "size": 1, "changed": 1}, headers=headers)
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["", "unpack/", "upload/", "upload/whole/", "elsewhere/sftp/", "trust/", "fetch/", "tasks/1/"]
)
def test_without_the_code_there_is_no_page(path: str, here: Config) -> None:
    assert Browser().get(PAGE + path).address == "/setup/unlock/"


def test_an_encrypted_backup_is_opened_by_its_kit_which_stays(
    browser: Browser, made: Stored, here: Config
) -> None:
    if not here.backup.encrypt:
        assert not browser.get(page_of(made)).html.css("textarea[name=kit]")
        return
    text = kit.kit_text()
    (here.server.secrets_dir / keys.FILE).unlink()  # on another machine
    assert browser.get(page_of(made)).html.css("textarea[name=kit]")
    deed = f"{page_of(made)}kit/"
    assert "no key in it" in browser.post(deed, {"kit": "hello"}, page=page_of(made)).text
    stranger = str(pyrage.x25519.Identity.generate())
    assert "not the one that was given" in browser.post(deed, {"kit": stranger}, page=page_of(made)).text
    assert browser.post(deed, {"kit": text}, page=page_of(made)).address == page_of(made)
    assert not browser.get(page_of(made)).html.css("textarea[name=kit]")
    assert "sound" in verified(browser, made).text


def test_a_kit_may_be_a_file_that_a_passphrase_opens(browser: Browser, made: Stored, here: Config) -> None:
    if not here.backup.encrypt:
        return
    sealed = pyrage.passphrase.encrypt(kit.kit_text().encode(), "four words of mine", armored=True)
    (here.server.secrets_dir / keys.FILE).unlink()
    for passphrase, said in (("", "type its passphrase"), ("wrong", "does not open the kit")):
        file = SimpleUploadedFile("kit.age", sealed)
        fields = {"file": file, "passphrase": passphrase}
        assert said in browser.post(f"{page_of(made)}kit/", fields, page=page_of(made)).text
    fields = {"file": SimpleUploadedFile("kit.age", sealed), "passphrase": "four words of mine"}
    assert "opens the backup" in browser.post(f"{page_of(made)}kit/", fields, page=page_of(made)).message


def test_a_file_in_the_folder_is_taken_apart(browser: Browser, made: Stored, here: Config) -> None:
    with (here.backup.dir / "hearth-mine.tar").open("wb") as target:
        copy(SingleFile(made), target)
    shutil.rmtree(made.folder)
    shown = browser.post(f"{PAGE}unpack/", {"file": "hearth-mine.tar"}, page=PAGE)
    assert "taken apart" in shown.text
    run_tasks()
    assert browser.get(shown.address).address == page_of(made)
    assert (here.backup.dir / "hearth-mine.tar").exists()
    assert "no such file" in browser.post(f"{PAGE}unpack/", {"file": "../x.tar"}, page=PAGE).message


def test_the_address_is_that_of_the_backup(browser: Browser, here: Config, tmp_path: Path) -> None:
    (here.server.data_dir / "setup.toml").write_text(f'[server]\npublic_baseurl = "{ADDRESS}"\n')
    made = make("test", quiet)
    (here.server.data_dir / "setup.toml").unlink()
    field = verified(browser, made).html.css_first("input[name=address]")
    assert field is not None
    assert field.attributes["value"] == ADDRESS


def test_what_hinders_a_restore_is_said_instead_of_a_form(
    browser: Browser, made: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(browser, made)
    monkeypatch.setenv("HEARTH_SERVER__NAME", "other.example")
    with use_config(replace(get_config(), server=replace(get_config().server, name="other.example"))):
        shown = browser.get(page_of(made))
        assert "write server.name" in " ".join(shown.texts(".notice.error"))
        assert not shown.html.css("input[name=typed_name]")


def outcome_of(browser: Browser, **more: object) -> None:
    """What a start that restored has left for this browser."""
    from appliance.backup.order import _mark

    token = browser.client.cookies[cookies.session_cookie("setup", secure=False)].value
    given = Outcome(backup="x", server_name=NAME, token_hash=_mark(token), ended_ts=1, **more)  # type: ignore[arg-type]
    write_outcome(get_config().server.data_dir, given)


def test_after_it_the_browser_is_led_to_the_sign_in_with_what_was_done(browser: Browser) -> None:
    make_account("owner", admin=True)
    setup_state.finish(1)
    outcome_of(browser, devices=3, servers=2, lost_media=1, is_unproven=True)
    assert Browser().get("/setup/restoring/").message == "", "others are told nothing"
    asked = browser.client.get("/setup/restoring/", headers={"HX-Request": "true"})
    assert asked.headers["HX-Refresh"] == "true"
    shown = browser.get("/setup/restoring/")
    assert shown.address == "/admin/sign-in/"
    assert f"{NAME} is restored" in shown.message
    assert "new keys: 3; other servers that are told: 2" in shown.message
    assert "not in the backup: 1" in shown.message
    assert "Keep the old machine off" in shown.message
    assert read_outcome(get_config().server.data_dir) is None
    assert browser.get("/setup/restoring/").message == ""


def test_after_one_that_failed_the_setup_says_why_and_what_to_do(browser: Browser) -> None:
    outcome_of(browser, error="The disk was full")
    shown = browser.get("/setup/restoring/")
    assert shown.address == PAGE
    assert "The disk was full" in shown.text
    assert "try again" in shown.text


def test_an_empty_server_makes_no_backups_among_those_it_is_restored_from(made: Stored) -> None:
    manifest = made.folder / "manifest.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**fields, "created_ts": 1}))
    assert start_if_due() is None
    make_account("karl")
    assert start_if_due() is not None


def sent(browser: Browser, address: str, **more: Any) -> Any:
    """What the script of the page sends."""
    headers = {"accept": "application/json", "x-csrftoken": browser.token(PAGE)}
    answer = browser.client.post(address, headers=headers, **more)
    return answer.status_code, answer.json()


def test_a_file_comes_in_pieces_and_is_taken_apart_and_removed(browser: Browser, made: Stored) -> None:
    data = whole_file(made)
    about = {"name": "hearth-mine.tar", "size": len(data), "changed": 5}
    status, told = sent(browser, f"{PAGE}upload/", data=about)
    assert (status, told["at"]) == (200, 0)
    half = len(data) // 2
    sent(browser, told["piece"], data=data[:half], content_type="application/octet-stream")
    status, refused = sent(browser, told["piece"], data=data[:half], content_type="application/octet-stream")
    assert (status, refused["error"]) == (409, f"The file is at {half}")
    assert "are here" in browser.get(PAGE).text
    status, told = sent(browser, f"{PAGE}upload/", data=about)
    assert told["at"] == half
    status, told = sent(browser, told["piece"], data=data[half:], content_type="application/octet-stream")
    run_tasks()
    assert browser.get(told["go_to"]).address == page_of(made)
    assert receiving.present() is None


def whole_file(made: Stored) -> bytes:
    """The backup as one file, which is then no longer in the folder."""
    stream = io.BytesIO()
    copy(SingleFile(made), stream)
    shutil.rmtree(made.folder)
    return stream.getvalue()


def test_without_scripts_a_small_file_is_sent_as_a_form(browser: Browser, made: Stored) -> None:
    file = SimpleUploadedFile("hearth-mine.tar", whole_file(made))
    shown = browser.post(f"{PAGE}upload/whole/", {"file": file}, page=PAGE)
    assert "taken apart" in shown.text
    run_tasks()
    assert browser.get(shown.address).address == page_of(made)
    assert "Choose a file" in browser.post(f"{PAGE}upload/whole/", page=PAGE).message


def test_what_is_no_backup_is_told_and_removed(browser: Browser) -> None:
    shown = browser.post(
        f"{PAGE}upload/whole/", {"file": SimpleUploadedFile("x.tar", b"rubbish" * 100)}, page=PAGE
    )
    run_tasks()
    assert "not a backup" in browser.get(shown.address).text
    assert receiving.present() is None


def test_what_was_begun_can_be_removed(browser: Browser) -> None:
    sent(browser, f"{PAGE}upload/", data={"name": "x.tar", "size": 10, "changed": 5})
    assert "removed" in browser.post(f"{PAGE}upload/remove/", page=PAGE).message
    assert receiving.present() is None
    assert sent(browser, f"{PAGE}upload/", data={"name": "x.tar", "size": "many"})[0] == 400


def test_an_order_that_nobody_carries_out_is_told_with_what_to_do(browser: Browser, made: Stored) -> None:
    verified(browser, made)
    data_dir = get_config().server.data_dir
    with holding(get_config().server.run_dir):
        confirmed(browser, made)
    order = read_order(data_dir)
    assert order is not None
    write_order(data_dir, replace(order, asked_ts=1))
    assert "Stop it and start it again" in browser.get("/setup/restoring/").text
    forget_order(data_dir)
    assert setup.is_open()
