"""The setup of a new server: who may do it, every step, going on later, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from appliance.backup import keys
from appliance.config import Config, get_config
from appliance.config.current import use_config
from appliance.config.sections.limits import RateLimit
from appliance.config.setup_file import setup_file
from appliance.diagnostics import background
from appliance.proxy.render import KINDS
from appliance.setup_code import forget_setup_code, has_setup_code, new_setup_code
from matrix_app.services import second_factor, setup
from matrix_app.storage import accounts, audit, check_results, db, passkeys, registration_tokens, setup_state
from matrix_app.storage.clock import now_ms
from tests.factories.accounts import make_account
from tests.factories.authenticator import Authenticator
from tests.factories.browser import Browser, Shown, code_of
from tests.factories.client import ClientFactory
from tests.factories.mail_server import mail_server
from tests.factories.settings import settings
from tests.factories.turn_server import turn_server

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough sentence"
NAME = "hearth.example"


@pytest.fixture(autouse=True)
def _clean(config: Config) -> Iterator[None]:
    yield
    forget_setup_code()
    setup_file().unlink(missing_ok=True)


@pytest.fixture
def browser() -> Browser:
    """Somebody who has unlocked the setup."""
    visitor = Browser()
    unlock(visitor)
    return visitor


def unlock(browser: Browser, code: str | None = None) -> Shown:
    return browser.post("/setup/unlock/", {"code": new_setup_code() if code is None else code})


def go_to(browser: Browser, step: str) -> None:
    """Reach a step as an earlier visit would have."""
    row = setup_state.get()
    assert row is not None
    data = row.data
    if step not in ("start", "names", "connectivity", "owner"):
        data = {
            **data,
            "owner_nid": (accounts.find("@me:hearth.example") or make_account("me", admin=True))[0],
        }
    with db.write():
        setup_state.put(step, data)


def test_the_setup_is_locked_until_the_code_is_given() -> None:
    browser = Browser()
    for page in ("", "start/", "names/", "owner/", "finish/", "connectivity/rows/"):
        assert browser.get(f"/setup/{page}").address == "/setup/unlock/"
    code = new_setup_code()
    assert unlock(browser, "AAAA-BBBB-CCCC-DDDD").status == 400
    assert unlock(browser, code.lower()).address == "/setup/start/"
    assert not has_setup_code()
    assert Browser().get("/setup/start/").address == "/setup/unlock/"
    cookie = browser.client.cookies["hearth_setup"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


def test_who_guesses_codes_is_slowed_down() -> None:
    new_setup_code()
    with settings(rate_limits={"enabled": True, "login": RateLimit(per_second=0.001, burst=3)}):
        browser = Browser()
        texts = [unlock(browser, "AAAA-BBBB-CCCC-DDDD").text for _attempt in range(4)]
    assert ["That is not the code" in text for text in texts] == [True, True, True, False]
    assert has_setup_code()


def test_forms_of_other_sites_do_nothing(browser: Browser) -> None:
    assert browser.client.post("/setup/start/").status_code == 403
    assert browser.client.post("/setup/unlock/", {"code": "x"}).status_code == 403


def test_a_server_with_an_administrator_that_was_never_set_up_here_has_no_setup() -> None:
    make_account("owner", admin=True)
    new_setup_code()
    for page in ("", "unlock/", "names/"):
        shown = Browser().get(f"/setup/{page}")
        assert shown.status == 404
        assert "has been set up" in shown.text


def test_the_setup_goes_on_where_it_was_left_and_steps_cannot_be_jumped_over(browser: Browser) -> None:
    assert browser.get("/setup/owner/").address == "/setup/start/"
    browser.post("/setup/start/")
    assert browser.get("/setup/").address == "/setup/names/"
    assert browser.get("/setup/start/").status == 200  # back is allowed
    later = Browser()
    unlock(later)
    assert later.get("/setup/").address == "/setup/names/"
    assert browser.get("/setup/").address == "/setup/unlock/"  # one browser at a time


def test_an_unlocked_setup_is_locked_again_after_a_day(browser: Browser) -> None:
    with db.write():
        db.execute("UPDATE setup_state SET unlocked_ts = unlocked_ts - %s", (24 * 3_600_000,))
    assert browser.get("/setup/").address == "/setup/unlock/"


def test_names_are_shown_before_they_are_taken_and_written_for_the_next_start(
    browser: Browser, config: Config
) -> None:
    go_to(browser, "names")
    fields = {"name": " @you:Example.ORG ", "address": "matrix.example.org/"}
    shown = browser.post("/setup/names/", fields)
    assert shown.texts(".preview code") == ["@you:example.org"]
    assert not setup_file().exists()
    fields = {"name": "example.org", "address": "https://matrix.example.org"}
    shown = browser.post("/setup/names/", {**fields, "sure": "example.org https://matrix.example.org"})
    assert shown.address == "/setup/restarting/"
    assert shown.html.css("noscript meta[http-equiv=refresh]")
    asks = shown.html.css("#state[hx-get]")[0].attributes
    assert (asks["hx-get"], asks["hx-trigger"]) == ("/setup/restarting/", "every 2s")
    assert "start it again" in shown.text  # nothing here can start the server anew
    assert 'name = "example.org"' in setup_file().read_text()
    named = replace(config.server, name="example.org", public_baseurl="https://matrix.example.org")
    with use_config(replace(config, server=named)):
        asked = browser.client.get("/setup/restarting/", headers={"HX-Request": "true"})
        assert (asked.status_code, asked.headers["HX-Redirect"]) == (204, "/setup/connectivity/")
        assert browser.get("/setup/restarting/").address == "/setup/connectivity/"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("no spaces", "x.org"),
        ("", "x.org"),
        ("x.org", "ftp://x.org"),
        ("x.org", "https://"),
        ("x.org:99999", "y"),
    ],
)
def test_names_that_cannot_be_are_told(browser: Browser, name: str, address: str) -> None:
    go_to(browser, "names")
    shown = browser.post("/setup/names/", {"name": name, "address": address, "sure": f"{name} {address}"})
    assert shown.texts(".wrong-text")
    assert not setup_file().exists()


def test_the_same_names_need_no_new_start(browser: Browser, config: Config) -> None:
    go_to(browser, "names")
    with use_config(replace(config, server=replace(config.server, public_baseurl="https://m.example"))):
        shown = browser.post("/setup/names/", {"name": NAME, "address": "https://m.example"})
    assert shown.address == "/setup/connectivity/"


def test_what_the_environment_fixes_is_locked(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(browser, "names")
    monkeypatch.setenv("HEARTH_SERVER__NAME", NAME)
    shown = browser.get("/setup/names/")
    assert "disabled" in shown.html.css_first("input[name=name]").attributes  # type: ignore[union-attr]
    sure = f"{NAME} https://new.example"
    browser.post("/setup/names/", {"name": "evil.example", "address": "https://new.example", "sure": sure})
    assert "name =" not in setup_file().read_text()
    assert "https://new.example" in setup_file().read_text()


def test_a_server_with_users_or_rooms_keeps_its_name(browser: Browser, clients: ClientFactory) -> None:
    go_to(browser, "names")
    clients.make().create_room()
    shown = browser.post(
        "/setup/names/", {"name": "other.example", "address": "https://m.example", "sure": "x"}
    )
    assert shown.texts(".preview code") == [f"@you:{NAME}"]
    assert not setup_file().exists()
    assert "its name stays" in browser.get("/setup/names/").text


def until_checks_end(browser: Browser, page: str) -> None:
    """Run the checks of a step, and wait for them."""
    deadline = time.monotonic() + 60
    address = "try/" if page.endswith("calls/") else "run/"
    while "Try again" in browser.post(f"{page}{address}", page=page).message:
        assert time.monotonic() < deadline, "the checks of another test do not end"
        time.sleep(0.1)
    while "HX-Refresh" not in browser.get(f"{page}rows/").headers:
        assert time.monotonic() < deadline, "the checks do not end"
        time.sleep(0.1)


def test_checks_are_run_and_shown_with_what_to_copy(browser: Browser) -> None:
    go_to(browser, "connectivity")
    with settings(server={"public_baseurl": "https://matrix.hearth.example"}):
        shown = browser.get("/setup/connectivity/")
    texts = shown.texts("pre")
    assert texts[0].startswith("hearth.example. A ")
    assert "matrix.hearth.example. AAAA " in texts[0]
    assert len(texts) == 1 + len(KINDS) + 2
    assert "reverse_proxy" in texts[1]
    assert texts[-2:] == [
        '{"m.server": "matrix.hearth.example:443"}',
        '{"m.homeserver": {"base_url": "https://matrix.hearth.example"}}',
    ]
    assert not shown.html.css(".check.ok, .check.warn, .check.error")
    until_checks_end(browser, "/setup/connectivity/")
    shown = browser.get("/setup/connectivity/")
    assert shown.html.css(".check.ok, .check.warn, .check.error")
    assert not shown.html.css("noscript meta")


def test_going_on_with_errors_needs_the_name_to_be_typed(browser: Browser) -> None:
    go_to(browser, "connectivity")
    assert "nothing has been done" in browser.post("/setup/connectivity/").message
    assert browser.get("/setup/").address == "/setup/connectivity/"
    shown = browser.post("/setup/connectivity/", {"typed_name": NAME})
    assert shown.address == "/setup/owner/"


def test_the_owner_is_made_once_and_is_administrator(browser: Browser) -> None:
    go_to(browser, "owner")
    fields = {"name": "Rosa", "password": PASSWORD, "again": "something else"}
    assert browser.post("/setup/owner/", fields).texts(".wrong-text")
    assert "at least" in browser.post("/setup/owner/", {"name": "rosa", "password": "x", "again": "x"}).text
    new_setup_code()
    browser.client.cookies["hearth_language"] = "fr"
    shown = browser.post("/setup/owner/", {**fields, "again": PASSWORD})
    browser.client.cookies["hearth_language"] = "en"
    assert get_config().alerts.language == "fr", "the server tells of alerts in the owner's language"
    assert shown.address == "/setup/second-factor/"
    account = accounts.find("@rosa:hearth.example")
    assert account is not None
    assert account.is_admin
    assert not has_setup_code()
    browser.post("/setup/owner/", {"name": "karl", "password": PASSWORD, "again": PASSWORD})
    assert accounts.find("@karl:hearth.example") is None
    assert Browser().sign_in(account, password=PASSWORD).address == "/admin/"
    assert "setup.owner" in [entry.action for entry in audit.page(before=None, limit=5)]


def test_an_owner_may_add_a_second_factor(browser: Browser) -> None:
    go_to(browser, "second-factor")
    shown = browser.post("/setup/second-factor/", {"begin": "1"})
    secret = shown.texts(".copy code")[0]
    assert shown.html.css_first("img.qr") is not None
    wrong = browser.post("/setup/second-factor/", {"code": "000000"})
    assert wrong.texts(".wrong-text")
    assert wrong.texts(".copy code") == [secret]
    codes = browser.post("/setup/second-factor/", {"code": code_of(secret)}).texts(".codes li")
    assert len(codes) == second_factor.RECOVERY_CODES
    account = accounts.find("@me:hearth.example")
    assert account is not None
    assert second_factor.has_second_factor(account.user_nid)
    assert browser.post("/setup/second-factor/", {"skip": "1"}).address == "/setup/registration/"


def test_an_owner_may_add_a_passkey_which_opens_the_administration(browser: Browser) -> None:
    go_to(browser, "second-factor")
    page, phone = "/setup/second-factor/", Authenticator("http://localhost")
    with settings(server={"public_baseurl": "http://localhost"}):
        made = phone.create(passkey_begun(browser, page))
        later = Browser()
        unlock(later)  # another browser takes the setup over, and has not asked for that passkey
        assert "too long" in passkey_added(later, page, made).message
        made = phone.create(passkey_begun(later, page))
        codes = passkey_added(later, page, made).texts(".codes li")
        assert len(codes) == second_factor.RECOVERY_CODES
        assert "has a second factor" in later.get(page).text
        assert (
            "has been added" in passkey_added(later, page, phone.create(passkey_begun(later, page))).message
        )
    account = accounts.find("@me:hearth.example")
    assert account is not None
    assert [row.name for row in passkeys.of_user(account.user_nid)] == ["My phone", "My phone"]
    assert audit.page(before=None, limit=1)[0].action == "passkey.add"


def passkey_begun(browser: Browser, page: str) -> Any:
    """What the script of the page is told."""
    headers = {"accept": "application/json", "x-csrftoken": browser.token(page)}
    return browser.client.post(f"{page}passkey/begin/", headers=headers).json()


def passkey_added(browser: Browser, page: str, made: str) -> Shown:
    return browser.post(f"{page}passkey/", {"credential": made, "name": "My phone"}, page=page)


def test_where_passkeys_cannot_be_it_is_said(browser: Browser) -> None:
    go_to(browser, "second-factor")
    with settings(server={"public_baseurl": "https://matrix.hearth.example"}):
        assert "at https://matrix.hearth.example only" in browser.get("/setup/second-factor/").text
    with settings(server={"public_baseurl": "http://192.0.2.1"}):
        shown = browser.get("/setup/second-factor/")
    assert "a domain and https" in shown.text
    assert not shown.html.css("form[data-passkey]")


def test_nobody_has_a_passkey_before_the_account(browser: Browser) -> None:
    row = setup_state.get()
    assert row is not None
    with db.write():
        setup_state.put("second-factor", row.data)
    with settings(server={"public_baseurl": "http://localhost"}):
        told = passkey_begun_elsewhere(browser)
    assert told == {"error": "Make your account first."}


def passkey_begun_elsewhere(browser: Browser) -> Any:
    headers = {"accept": "application/json", "x-csrftoken": browser.token("/setup/owner/")}
    return browser.client.post("/setup/second-factor/passkey/begin/", headers=headers).json()


def test_registration_calls_and_mail_are_settings(browser: Browser) -> None:
    go_to(browser, "registration")
    assert browser.post("/setup/registration/", {"registration-mode": "all"}).texts(".wrong-text")
    assert browser.post("/setup/registration/", {"registration-mode": "closed"}).address == "/setup/calls/"
    assert get_config().registration.mode == "closed"
    assert browser.post("/setup/calls/", {"turn-uris": "http://x"}).texts(".notice.error")
    fields = {"turn-uris": "turn:turn.example.org", "turn-secret": "shared"}
    assert browser.post("/setup/calls/", fields).address == "/setup/mail/"
    assert get_config().turn.uris == ("turn:turn.example.org",)
    with mail_server() as server:
        fields = {f"mail-{name}": str(value) for name, value in server.settings.items()}
        assert browser.post("/setup/mail/", {**fields, "stay": "1"}).address == "/setup/mail/"
        shown = browser.post("/setup/mail/test/", {"to": "a@b.example"}, page="/setup/mail/")
        assert "has taken" in shown.message
        assert server.mails[0]["To"] == "a@b.example"
    assert browser.post("/setup/mail/", fields).address == "/setup/backup/"


def test_relays_are_tried_in_their_step(browser: Browser) -> None:
    go_to(browser, "calls")
    assert not browser.get("/setup/calls/").html.css("#checks")
    with turn_server() as server:
        server.secret = "between-us"
        fields = {"turn-uris": server.uris["udp"], "turn-secret": server.secret, "stay": "1"}
        assert browser.post("/setup/calls/", fields).address == "/setup/calls/"
        assert not browser.get("/setup/calls/").html.css(".check.ok, .check.warn, .check.error")
        until_checks_end(browser, "/setup/calls/")
        found = " ".join(browser.get("/setup/calls/").texts(".check"))
    assert "A relay was given at" in found
    assert "No TURN server is named for TCP" in found
    browser.post("/setup/calls/", {**fields, "turn-secret": "another"})
    assert "A relay was given" not in browser.get("/setup/calls/").text


def test_neither_calls_nor_mail_are_needed(browser: Browser) -> None:
    go_to(browser, "calls")
    assert browser.post("/setup/calls/", {"turn-uris": ""}).address == "/setup/mail/"
    fields = {"mail-port": "587", "mail-security": "starttls"}
    assert browser.post("/setup/mail/", fields).address == "/setup/backup/"


def test_at_the_end_there_are_clients_and_an_invitation_and_the_setup_closes(browser: Browser) -> None:
    go_to(browser, "backup")
    keys.renew_key()
    with settings(backup={"dir": get_config().server.data_dir / "backups"}):
        assert "go with the disk" in browser.get("/setup/backup/").text
    shown = browser.get("/setup/backup/")
    assert str(get_config().backup.dir) in shown.text
    assert "go with the disk" not in shown.text
    assert browser.post("/setup/backup/", {"backup-every_hours": "-1"}).texts(".wrong-text")
    fields = {
        "backup-every_hours": "12",
        "backup-keep_daily": "3",
        "backup-media": "on",
        "backup-encrypt": "on",
    }
    shown = browser.post("/setup/backup/", fields)
    assert get_config().backup.every_hours == 12
    assert "emergency kit" in shown.text
    assert "AGE-SECRET-KEY-1" in browser.post("/setup/kit/", page="/setup/finish/").text
    assert "emergency kit" not in browser.get("/setup/finish/").text
    assert shown.address == "/setup/finish/"
    assert len(shown.html.css("img.qr")) == 5
    token = (
        next(text for text in shown.texts(".copy code") if "/join/" in text).rstrip("/").rpartition("/")[2]
    )
    assert registration_tokens.find(token) is not None
    assert browser.get("/setup/finish/").texts(".copy code") == shown.texts(".copy code")
    assert "has not been looked at" in shown.text
    with db.write():
        check_results.put("federation.version", "ok", "<b>They see us</b>", "", "", "", b"{}", 1)
    assert "&lt;b&gt;They see us" in browser.get("/setup/finish/").text
    assert browser.post("/setup/finish/").address == "/admin/sign-in/"
    assert audit.page(before=None, limit=1)[0].action == "setup.finish"
    for page in ("", "unlock/", "finish/"):
        assert browser.get(f"/setup/{page}").status == 404


def test_no_step_has_scripts_or_styles_in_the_page(browser: Browser) -> None:
    go_to(browser, "finish")
    for step in ("start", "names", "connectivity", "owner", "second-factor", "registration", "calls", "mail"):
        shown = browser.get(f"/setup/{step}/")
        assert (shown.status, shown.address) == (200, f"/setup/{step}/")
        assert not shown.html.css("[style], [onclick], script:not([src])")
        assert shown.texts("[aria-current=step]")


def test_an_address_that_is_fixed_to_nothing_is_no_dead_end(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(browser, "names")
    monkeypatch.setenv("HEARTH_SERVER__PUBLIC_BASEURL", "")
    assert browser.post("/setup/names/", {"name": NAME}).address == "/setup/connectivity/"


def test_who_comes_to_sign_in_is_led_to_the_setup_while_it_is_open(browser: Browser) -> None:
    assert browser.get("/admin/").href(".notice a") == "/setup/"
    make_account("owner", admin=True)
    with db.write():
        setup_state.finish(1)
    assert not browser.get("/admin/").html.css(".notice a")


def test_nobody_waits_for_a_start_that_was_not_asked_for(browser: Browser) -> None:
    go_to(browser, "names")
    assert browser.get("/setup/restarting/").address == "/setup/names/"


def test_an_administrator_who_was_made_otherwise_needs_no_other(browser: Browser) -> None:
    go_to(browser, "owner")
    account = make_account("cli", admin=True)
    assert account.user_id in browser.get("/setup/owner/").text
    assert browser.post("/setup/owner/").address == "/setup/second-factor/"
    browser.post("/setup/second-factor/", {"skip": "1"})
    go_to(browser, "owner")  # nothing is lost by going back
    assert browser.get("/setup/registration/").address == "/setup/owner/"


def test_a_page_whose_checks_run_asks_again_by_itself(browser: Browser) -> None:
    go_to(browser, "connectivity")
    setup.remember(checks_began=now_ms())
    shown = browser.get("/setup/connectivity/")
    assert shown.html.css("noscript meta[http-equiv=refresh]")
    assert shown.html.css("#checks[hx-get]")
    setup.remember(checks_began=now_ms() - 200_000)  # whoever ran them is gone
    shown = browser.get("/setup/connectivity/")
    assert not shown.html.css("noscript meta, #checks[hx-get]")


def test_checks_that_run_already_are_not_run_twice(browser: Browser) -> None:
    go_to(browser, "connectivity")
    over = threading.Event()

    def others() -> None:
        over.wait()

    while (thread := background.begin(others)) is None:
        time.sleep(0.1)
    try:
        shown = browser.post("/setup/connectivity/run/", page="/setup/connectivity/")
    finally:
        over.set()
        thread.join()
    assert "running already" in shown.message
    assert setup.began("checks_began") == 0
