"""User-interactive authentication, as clients and browsers meet it."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services.uia import sessions
from matrix_app.storage import db
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account, password_stage, token_for
from tests.factories.http_service import http_service
from tests.factories.mail_server import mail_server
from tests.factories.settings import settings
from tests.factories.tasks import run_tasks
from tests.factories.visitor import Reply, ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)


def delete_device(token: str, device_id: str, auth: dict[str, Any] | None = None) -> Reply:
    return ask("DELETE", f"/devices/{device_id}", {} if auth is None else {"auth": auth}, token=token)


def account_with_device() -> tuple[Account, str]:
    account = make_account()
    token_for(account, "OLD")
    return account, token_for(account, "NEW")


def test_a_wrong_password_can_be_tried_again_in_the_same_session() -> None:
    account, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    wrong = delete_device(token, "OLD", password_stage(account, "wrong", session=session))
    assert (wrong.status, wrong.errcode) == (401, "M_FORBIDDEN")
    assert (wrong.body["session"], wrong.body["completed"]) == (session, [])
    assert delete_device(token, "OLD", password_stage(account, session=session)).status == 200


def test_a_session_serves_no_other_operation_and_no_other_user() -> None:
    account, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    auth = password_stage(account, session=session)
    assert delete_device(token, "NEW", auth).status == 403
    body = {"auth": auth, "devices": ["NEW"]}
    assert post("/delete_devices", body, token=token).status == 403
    other = make_account()
    assert delete_device(token_for(other), "OLD", password_stage(other, session=session)).status == 403


def test_what_a_session_was_begun_for_cannot_be_changed() -> None:
    account, token = account_with_device()
    session = post("/delete_devices", {"devices": ["OLD"]}, token=token).body["session"]
    auth = password_stage(account, session=session)
    assert post("/delete_devices", {"devices": ["NEW"], "auth": auth}, token=token).status == 403
    assert post("/delete_devices", {"auth": auth}, token=token).status == 200
    assert get("/devices/OLD", token=token).status == 404
    assert get("/devices/NEW", token=token).status == 200


def test_the_password_of_another_user_confirms_nothing() -> None:
    _, token = account_with_device()
    assert delete_device(token, "OLD", password_stage(make_account())).status == 403
    assert get("/devices/OLD", token=token).status == 200


def test_a_completed_session_answers_a_repeated_request() -> None:
    account, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    auth = password_stage(account, session=session)
    assert delete_device(token, "OLD", auth).status == 200
    assert delete_device(token, "OLD", {"session": session}).status == 200


def test_a_request_with_numbers_of_any_size_can_be_confirmed() -> None:
    account, token = account_with_device()
    body = {"devices": ["OLD"], "org.example.number": 10**30}
    session = post("/delete_devices", body, token=token).body["session"]
    auth = password_stage(account, session=session)
    assert post("/delete_devices", {**body, "auth": auth}, token=token).status == 200
    assert get("/devices/OLD", token=token).status == 404


def test_an_old_session_is_gone() -> None:
    account, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    db.execute("UPDATE uia_session SET created_ts = created_ts - %s", (sessions.LIFETIME_MS + 1000,))
    assert delete_device(token, "OLD", password_stage(account, session=session)).status == 400
    assert sessions.remove_old() == 1
    assert db.value("SELECT count(*) FROM uia_session") == 0


def test_a_token_taken_by_an_abandoned_session_is_free_again() -> None:
    with db.write():
        db.execute(
            "INSERT INTO registration_token (token, uses_allowed, pending, completed, created_ts)"
            " VALUES ('sesame', 1, 0, 0, 0)"
        )
    from appliance.config.sections.accounts import Terms

    with settings(registration={"mode": "token", "terms": Terms(version="1", url="https://example.org")}):
        session = post("/register", {"username": "a"}).body["session"]
        for stage in ({"type": "m.login.terms"}, {"type": "m.login.registration_token", "token": "sesame"}):
            post("/register", {"username": "-" * 300, "auth": {**stage, "session": session}})
        post("/register", {"auth": {"type": "m.login.terms", "session": session}})
        page = f"/auth/m.login.registration_token/fallback/web?session={session}"
        assert "close this window" in ask("POST", page, form={"token": "sesame"}).text
        assert db.value("SELECT pending FROM registration_token") == 1
        db.execute("UPDATE uia_session SET created_ts = 1")
        sessions.remove_old()
    assert db.value("SELECT pending FROM registration_token") == 0


def test_stages_can_be_completed_on_pages() -> None:
    from appliance.config.sections.accounts import Terms

    terms = Terms(version="1", name="<Rules>", url="https://example.org/?a=1&b=2")
    with settings(registration={"mode": "open", "terms": terms}):
        body = {"username": "alice", "password": PASSWORD}
        session = post("/register", body).body["session"]
        path = f"/auth/m.login.terms/fallback/web?session={session}"
        shown = get(path)
        assert "&lt;Rules&gt;" in shown.text
        assert "script-src 'nonce-" in shown.headers["Content-Security-Policy"]
        done = ask("POST", path, form={})
        assert "window.onAuthDone" in done.text
        assert "window.onAuthDone" in get(path).text
        assert post("/register", {"auth": {"session": session}}).body["user_id"] == "@alice:hearth.example"


def test_even_a_stage_that_asks_for_nothing_has_a_page() -> None:
    with settings(registration={"mode": "open"}):
        session = post("/register", {"username": "alice", "password": PASSWORD}).body["session"]
        path = f"/auth/m.login.dummy/fallback/web?session={session}"
        assert "make an account" in get(path).text
        # To look at the page is not to confirm anything: mail scanners and the like do it as well.
        assert post("/register", {"auth": {"session": session}}).status == 401
        assert "window.onAuthDone" in ask("POST", path, form={}).text
        assert post("/register", {"auth": {"session": session}}).body["user_id"] == "@alice:hearth.example"


def test_a_mail_address_can_be_confirmed_from_a_page() -> None:
    with mail_server() as mails, settings(mail=mails.settings, registration={"mode": "open"}):
        session = post("/register", {"username": "alice", "password": PASSWORD}).body["session"]
        path = f"/auth/m.login.email.identity/fallback/web?session={session}"
        assert "Send me a link" in get(path).text
        assert "Not a mail address" in ask("POST", path, form={"address": "nonsense"}).text
        assert "<b>" not in ask("POST", path, form={"address": "<b>"}).text
        assert "Follow the link" in ask("POST", path, form={"address": "Alice@example.org"}).text
        run_tasks()
        sent = {"address": "Alice@example.org", "sent": "yes"}
        early = ask("POST", path, form=sent)
        assert "has not been confirmed" in early.text
        assert "onAuthDone" not in early.text
        assert get(mails.last_link()).status == 200
        other = post("/register", {"username": "bob", "password": PASSWORD}).body["session"]
        elsewhere = f"/auth/m.login.email.identity/fallback/web?session={other}"
        assert "has not been confirmed" in ask("POST", elsewhere, form=sent).text
        assert "window.onAuthDone" in ask("POST", path, form=sent).text
        made = post("/register", {"auth": {"session": session}}).body
    (address,) = get("/account/3pid", token=made["access_token"]).body["threepids"]
    assert address["address"] == "alice@example.org"


def test_a_password_can_be_typed_on_a_page() -> None:
    _, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    path = f"/auth/m.login.password/fallback/web?session={session}"
    assert "sign out a device" in get(path).text
    assert "Invalid user name or password" in ask("POST", path, form={"password": "wrong"}).text
    assert "window.onAuthDone" in ask("POST", path, form={"password": PASSWORD}).text
    assert delete_device(token, "OLD", {"session": session}).status == 200


def test_pages_for_nothing_say_so() -> None:
    _, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    for path in (
        "/auth/m.login.password/fallback/web?session=nonsense",
        "/auth/m.login.password/fallback/web",
        f"/auth/m.login.terms/fallback/web?session={session}",
    ):
        assert get(path).status in (400, 404)
        assert get(path).headers["Content-Type"].startswith("text/html")
        assert ask("POST", path, form={}).status in (400, 404)


def test_a_form_that_cannot_be_read_is_refused() -> None:
    _, token = account_with_device()
    session = delete_device(token, "OLD").body["session"]
    for raw in (
        (b"x", "multipart/form-data"),
        (b"&".join(b"a%d=1" % number for number in range(2000)), "application/x-www-form-urlencoded"),
    ):
        reply = ask("POST", f"/auth/m.login.password/fallback/web?session={session}", raw=raw)
        assert (reply.status, reply.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_a_captcha_is_shown_on_a_page() -> None:
    with http_service(b'{"success": true}') as captcha:
        keys = {"required": True, "public_key": "pub", "private_key": "s", "verify_url": captcha.address}
        with settings(captcha=keys, registration={"mode": "open"}):
            session = post("/register", {"username": "alice", "password": PASSWORD}).body["session"]
            path = f"/auth/m.login.recaptcha/fallback/web?session={session}"
            assert 'data-sitekey="pub"' in get(path).text
            assert "window.onAuthDone" in ask("POST", path, form={"g-recaptcha-response": "x"}).text
            assert post("/register", {"auth": {"session": session}}).status == 200
