"""Mail addresses: validated by links, added, removed, and used to set a new password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.storage import db, threepids
from tests.factories.accounts import PASSWORD, log_in, make_account, password_stage, token_for
from tests.factories.mail_server import MailServer, mail_server
from tests.factories.settings import settings
from tests.factories.tasks import run_tasks
from tests.factories.visitor import Reply, ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "d0nt-T3ll.=_"
ADD = "/account/3pid/email/requestToken"
RESET = "/account/password/email/requestToken"
REGISTER = "/register/email/requestToken"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server, settings(mail=server.settings, registration={"mode": "open"}):
        yield server


def request_token(path: str, email: str = "alice@example.org", attempt: Any = 1, **extra: Any) -> Reply:
    return post(path, {"client_secret": SECRET, "email": email, "send_attempt": attempt, **extra})


def validated(path: str, mails: MailServer, email: str = "alice@example.org") -> dict[str, str]:
    """The credentials of an address that its owner has confirmed."""
    sid = request_token(path, email).body["sid"]
    run_tasks()
    link = mails.last_link()
    assert get(link).status == 200
    if path == RESET:
        where, _, query = link.partition("?")
        form = dict(pair.split("=", 1) for pair in query.split("&"))
        assert ask("POST", where, form={**form, "client_secret": SECRET}).status == 200
    return {"sid": sid, "client_secret": SECRET}


def test_an_address_is_added_after_its_link_was_followed(mails: MailServer) -> None:
    account = make_account()
    token = token_for(account)
    creds = validated(ADD, mails, "Alice@Example.org")
    body = {**creds, "auth": password_stage(account)}
    assert post("/account/3pid/add", body, token=token).body == {}
    (found,) = get("/account/3pid", token=token).body["threepids"]
    assert (found["medium"], found["address"]) == ("email", "alice@example.org")
    assert found["validated_at"] <= found["added_at"]


def test_an_address_is_not_added_before_its_link_was_followed(mails: MailServer) -> None:
    account = make_account()
    sid = request_token(ADD).body["sid"]
    body = {"sid": sid, "client_secret": SECRET, "auth": password_stage(account)}
    assert post("/account/3pid/add", body, token=token_for(account)).errcode == "M_THREEPID_AUTH_FAILED"


def test_older_clients_add_an_address_without_authentication(mails: MailServer) -> None:
    token = token_for(make_account())
    creds = {"three_pid_creds": validated(ADD, mails)}
    assert post("/account/3pid", creds, token=token).body == {}
    assert len(get("/account/3pid", token=token).body["threepids"]) == 1
    # A validation serves once.
    assert post("/account/3pid", creds, token=token).errcode == "M_THREEPID_AUTH_FAILED"


def test_an_address_belongs_to_one_account(mails: MailServer) -> None:
    creds = validated(ADD, mails)
    make_account(email="alice@example.org")
    assert request_token(ADD, "ALICE@example.org").errcode == "M_THREEPID_IN_USE"
    body = {"three_pid_creds": creds}
    assert post("/account/3pid", body, token=token_for(make_account())).errcode == "M_THREEPID_IN_USE"


def test_mails_are_sent_again_only_when_the_client_asks_for_another_attempt(mails: MailServer) -> None:
    first = request_token(ADD).body["sid"]
    assert run_tasks() == ["send_confirmation"]
    old_link = mails.last_link()
    assert request_token(ADD).body["sid"] == first
    assert run_tasks() == []
    assert request_token(ADD, attempt=2).body["sid"] == first
    assert run_tasks() == ["send_confirmation"]
    assert len(mails.mails) == 2
    assert get(old_link).status == 400
    assert get(mails.last_link()).status == 200
    assert request_token(ADD, "other@example.org").body["sid"] != first


def test_the_client_says_where_the_link_leads_in_the_end(mails: MailServer) -> None:
    request_token(ADD, next_link="https://app.example.org/thanks")
    run_tasks()
    reply = get(mails.last_link())
    assert (reply.status, reply.headers["Location"]) == (302, "https://app.example.org/thanks")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "http://[::1",
        "https://",
        "https://app.example.org/\r\nSet-Cookie: a=b",
        f"https://app.example.org/{'x' * 5000}",
    ],
)
def test_where_no_browser_can_be_sent_no_link_leads(mails: MailServer, address: str) -> None:
    assert request_token(ADD, next_link=address).errcode == "M_INVALID_PARAM"


def test_a_link_may_lead_to_an_address_in_any_script(mails: MailServer) -> None:
    request_token(ADD, next_link="https://app.example.org/größe")
    run_tasks()
    reply = get(mails.last_link())
    assert (reply.status, reply.headers["Location"]) == (302, "https://app.example.org/gr%C3%B6%C3%9Fe")


def test_links_are_not_guessed_and_grow_old(mails: MailServer) -> None:
    request_token(ADD)
    run_tasks()
    link = mails.last_link()
    assert get(link.replace("token=", "token=x")).status == 400
    assert get(link.replace("sid=", "sid=x")).status == 404
    assert get(link.split("?")[0]).status == 400
    db.execute("UPDATE threepid_session SET created_ts = 1")
    assert get(link).status == 400
    assert db.value("SELECT count(*) FROM threepid_session WHERE validated_ts IS NOT NULL") == 0


def test_a_program_submits_a_token_as_json(mails: MailServer) -> None:
    sid = request_token(ADD).body["sid"]
    run_tasks()
    path, _, query = mails.last_link().partition("?")
    token = query.partition("token=")[2].partition("&")[0]
    body = {"sid": sid, "client_secret": SECRET, "token": "wrong"}
    assert post(path, body).errcode == "M_TOKEN_INCORRECT"
    assert post(path, {**body, "token": token}).body == {"success": True}


def test_bad_requests_for_mails_are_refused(mails: MailServer) -> None:
    for email in (
        "alice",
        "alice@",
        "@example.org",
        "a@b@c",
        "a b@example.org",
        "a@b\nBcc: c",
        "<a@b>",
        "a\0@b",
    ):
        assert request_token(ADD, email).errcode == "M_INVALID_PARAM", email
    assert request_token(ADD, client_secret="").errcode == "M_INVALID_PARAM"
    assert request_token(ADD, client_secret="ö").errcode == "M_INVALID_PARAM"
    assert request_token(ADD, attempt=-1).errcode == "M_INVALID_PARAM"
    assert request_token(ADD, attempt="1").errcode == "M_BAD_JSON"
    assert post(ADD, {}).errcode == "M_MISSING_PARAM"


def test_phone_numbers_and_servers_without_mail_are_told_so() -> None:
    assert request_token(ADD).errcode == "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    for path in ("/register", "/account/password", "/account/3pid"):
        assert post(f"{path}/msisdn/requestToken").errcode == "M_THREEPID_MEDIUM_NOT_SUPPORTED"


def test_an_address_is_removed(mails: MailServer) -> None:
    account = make_account(email="alice@example.org")
    token = token_for(account)
    body = {"medium": "email", "address": "Alice@example.org"}
    removed = post("/account/3pid/delete", body, token=token)
    assert removed.body == {"id_server_unbind_result": "no-support"}
    assert threepids.of_user(account.user_nid) == []
    assert post("/account/3pid/unbind", body, token=token).body == {"id_server_unbind_result": "no-support"}
    assert post("/account/3pid/delete", {**body, "address": "\0"}, token=token).errcode == "M_INVALID_PARAM"


def test_an_address_is_removed_whatever_an_identity_server_says() -> None:
    account = make_account(email="alice@example.org")
    token = token_for(account)
    body = {"medium": "email", "address": "alice@example.org", "id_server": "a/b"}
    assert post("/account/3pid/delete", body, token=token).errcode == "M_INVALID_PARAM"
    assert threepids.of_user(account.user_nid) != []
    # Nobody reaches into the server's own network, so that one does not answer.
    removed = post("/account/3pid/delete", {**body, "id_server": "127.0.0.1:1"}, token=token)
    assert (removed.status, removed.body) == (200, {"id_server_unbind_result": "no-support"})
    assert threepids.of_user(account.user_nid) == []


def test_binding_needs_an_identity_server_that_answers() -> None:
    token = token_for(make_account())
    body = {"sid": "1", "client_secret": "s", "id_access_token": "t"}
    assert post("/account/3pid/bind", body, token=token).errcode == "M_MISSING_PARAM"
    old = post("/account/3pid", {"three_pid_creds": body}, token=token)
    assert (old.status, old.errcode) == (403, "M_THREEPID_AUTH_FAILED")
    assert post("/account/3pid/bind", {**body, "id_server": "a/b"}, token=token).errcode == "M_INVALID_PARAM"
    no_token = {**body, "id_server": "id.example", "id_access_token": "a\nb"}
    assert post("/account/3pid/bind", no_token, token=token).errcode == "M_INVALID_PARAM"
    # Nobody reaches into the server's own network.
    assert post("/account/3pid/bind", {**body, "id_server": "127.0.0.1:1"}, token=token).status == 502


def test_somebody_registers_with_an_address(mails: MailServer) -> None:
    stage = {"type": "m.login.email.identity", "threepid_creds": validated(REGISTER, mails)}
    assert {"stages": ["m.login.email.identity"]} in post("/register").body["flows"]
    done = post("/register", {"username": "alice", "password": PASSWORD, "auth": stage})
    assert done.body["user_id"] == "@alice:hearth.example"
    found = get("/account/3pid", token=done.body["access_token"]).body["threepids"]
    assert [pid["address"] for pid in found] == ["alice@example.org"]


def test_an_unconfirmed_address_registers_nobody(mails: MailServer) -> None:
    sid = request_token(REGISTER).body["sid"]
    stage = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
    refused = post("/register", {"username": "alice", "auth": stage})
    assert (refused.status, refused.errcode) == (401, "M_UNAUTHORIZED")


def test_a_mail_can_be_required_to_register(mails: MailServer) -> None:
    with settings(registration={"require_email": True}):
        assert post("/register").body["flows"] == [{"stages": ["m.login.email.identity"]}]


def test_the_owner_is_told_that_somebody_registers_with_their_address(mails: MailServer) -> None:
    make_account(email="alice@example.org")
    reply = request_token(REGISTER)
    assert reply.status == 200
    run_tasks()
    assert "belongs to an account already" in mails.text_of_last().replace("\n", " ")
    assert "http" not in mails.text_of_last()


def test_a_forgotten_password_is_reset_by_mail(mails: MailServer) -> None:
    account = make_account(email="alice@example.org")
    token = token_for(account)
    stage = {"type": "m.login.email.identity", "threepid_creds": validated(RESET, mails)}
    assert post("/account/password", {"new_password": "x"}).errcode == "M_WEAK_PASSWORD"
    flows = post("/account/password", {"new_password": "another password"}).body["flows"]
    assert flows == [{"stages": ["m.login.email.identity"]}]
    assert post("/account/password", {"new_password": "another password", "auth": stage}).body == {}
    assert log_in(account).status == 403
    login = {"type": "m.login.password", "user": account.user_id, "password": "another password"}
    assert post("/login", login).status == 200
    assert get("/account/whoami", token=token).status == 401


def test_one_mail_resets_one_password(mails: MailServer) -> None:
    make_account(email="alice@example.org")
    stage = {"type": "m.login.email.identity", "threepid_creds": validated(RESET, mails)}
    assert post("/account/password", {"new_password": "another password", "auth": stage}).status == 200
    assert post("/account/password", {"new_password": "a third password", "auth": stage}).status == 401


def test_following_a_link_alone_allows_no_new_password(mails: MailServer) -> None:
    make_account(email="alice@example.org")
    sid = request_token(RESET).body["sid"]
    run_tasks()
    assert "<form" in get(mails.last_link()).text
    stage = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
    assert post("/account/password", {"new_password": "another password", "auth": stage}).status == 401


def test_a_validation_for_one_purpose_serves_no_other(mails: MailServer) -> None:
    creds = validated(ADD, mails)
    make_account(email="alice@example.org")
    stage = {"type": "m.login.email.identity", "threepid_creds": creds}
    assert post("/account/password", {"new_password": "another password", "auth": stage}).status == 401


def test_an_unknown_address_resets_nothing(mails: MailServer) -> None:
    assert request_token(RESET).errcode == "M_THREEPID_NOT_FOUND"
