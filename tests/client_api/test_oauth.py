"""The endpoints of the OAuth 2.0 API: metadata, registration, codes, refreshing, revoking."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from appliance.config.sections.limits import RateLimit
from matrix_app.http import rate_limit
from matrix_app.http.dispatch import dispatch
from matrix_app.services.change_password import change_password
from matrix_app.services.clean_up import delete_expired
from matrix_app.services.deactivate import deactivate
from matrix_app.services.moderate_account import set_locked
from matrix_app.storage import audit, db, devices, oauth_sessions
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account, password_stage, token_for
from tests.factories.client import ClientFactory
from tests.factories.oauth import METADATA, PREFIX, REDIRECT_URI, VERIFIER, OAuthApp, revoke, scope_of
from tests.factories.settings import settings
from tests.factories.visitor import Reply, ask, get, post
from tests.fuzz.bundle import specification

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person() -> Account:
    return make_account("pia")


def error(reply: Reply) -> tuple[int, str]:
    assert set(reply.body) == {"error", "error_description"}
    assert reply.headers["Cache-Control"] == "no-store"
    return reply.status, reply.body["error"]


def whoami(token: str) -> Any:
    return get("/account/whoami", token=token)


@pytest.mark.parametrize("host", ["127.0.0.1:32768", "elsewhere.example", "matrix.example.org:8448"])
def test_who_comes_by_another_name_than_the_pages_have_is_told_of_the_legacy_api_alone(host: str) -> None:
    with settings(server={"public_baseurl": "https://matrix.example.org"}):
        reply = ask("GET", "/_matrix/client/v1/auth_metadata", host=host)
        assert (reply.status, reply.errcode) == (404, "M_UNRECOGNIZED")
        flows = [flow["type"] for flow in ask("GET", "/login", host=host).body["flows"]]
        assert "m.login.password" in flows
        assert "m.login.sso" not in flows


@pytest.mark.parametrize("host", ["matrix.example.org", "matrix.example.org:443", "Matrix.Example.ORG"])
def test_the_public_name_may_be_written_in_any_way(host: str) -> None:
    with settings(server={"public_baseurl": "https://matrix.example.org"}):
        assert ask("GET", "/_matrix/client/v1/auth_metadata", host=host).status == 200
        assert any(flow["type"] == "m.login.sso" for flow in ask("GET", "/login", host=host).body["flows"])


def test_the_metadata_are_as_the_specification_has_them() -> None:
    for path in (
        "/_matrix/client/v1/auth_metadata",
        "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    ):
        answer = get(path)
        assert answer.status == 200
        assert "max-age" in answer.headers["Cache-Control"]
    told = answer.body
    assert told["grant_types_supported"] == METADATA["grant_types"]
    assert told["response_modes_supported"] == ["query", "fragment"]
    assert told["issuer"].endswith("/")
    assert "prompt_values_supported" in told


def test_the_metadata_fit_the_schema_of_the_specification() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    spec = specification()
    if spec is None:
        pytest.skip("needs the Matrix specification: set MATRIX_SPEC_DIR")
    file = spec / "data/api/client-server/oauth_server_metadata.yaml"
    answers = yaml.safe_load(file.read_text())["paths"]["/auth_metadata"]["get"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    told = get("/_matrix/client/v1/auth_metadata").body
    jsonschema.validate(told, schema)
    described = set(schema["properties"])
    assert described <= set(told)
    metadata = yaml.safe_load((spec / "data/schemas/oauth2-client-metadata.yaml").read_text())
    registered = post(f"{PREFIX}/register", METADATA).body
    jsonschema.validate(registered, metadata)
    assert set(registered) - {"client_id"} <= set(metadata["properties"])


@pytest.mark.parametrize(
    ("changed", "offered"),
    [
        ({"registration": {"mode": "closed"}}, None),
        ({"captcha": {"required": True}}, ["create"]),
        ({"registration": {"require_email": True}}, ["create"]),
    ],
)
def test_registering_is_offered_unless_nobody_may(changed: dict[str, Any], offered: list[str] | None) -> None:
    with settings(**changed):
        told = get("/_matrix/client/v1/auth_metadata").body
    assert told.get("prompt_values_supported") == offered


def test_nobody_signs_in_while_it_is_off_and_who_has_may_stay(person: Account) -> None:
    app = OAuthApp()
    session, code = app.sign_in(person), app.code(person)
    waiting = app.begin_device_grant()["device_code"]
    with settings(oauth={"enabled": False}):
        assert (
            get("/_matrix/client/v1/auth_metadata").status,
            get("/_matrix/client/v1/auth_metadata").errcode,
        ) == (
            404,
            "M_UNRECOGNIZED",
        )
        assert post(f"{PREFIX}/register", METADATA).errcode == "M_UNRECOGNIZED"
        assert ask("POST", f"{PREFIX}/device", form={"client_id": app.client_id}).errcode == "M_UNRECOGNIZED"
        assert app.exchange(code).errcode == "M_UNRECOGNIZED"
        assert app.poll(waiting).errcode == "M_UNRECOGNIZED"
        renewed = app.refresh(session["refresh_token"])
        assert renewed.status == 200
        assert revoke(renewed.body["access_token"]).status == 200
    assert whoami(renewed.body["access_token"]).status == 401


def test_a_registration_tells_what_was_registered() -> None:
    answer = post(f"{PREFIX}/register", {**METADATA, "client_name#fr": "Pigeon", "scope": "x"})
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == {**METADATA, "client_id": answer.body["client_id"]}


def test_clients_with_the_same_metadata_are_one() -> None:
    assert OAuthApp().client_id == OAuthApp().client_id
    assert OAuthApp(client_name="Dove").client_id != OAuthApp().client_id


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b'{"client_uri": 1}', b"null"])
def test_bodies_that_are_no_metadata_are_refused(body: bytes) -> None:
    answer = raw(f"{PREFIX}/register", body, "application/json")
    assert error(answer) == (400, "invalid_client_metadata")


def raw(path: str, body: bytes, kind: str) -> Reply:
    http = RequestFactory().post(path, body, content_type=kind)
    http.META["hearth.raw_path"] = path
    answer: Any = dispatch(http)
    return Reply(answer.status_code, answer.headers, answer.content.decode())


def test_a_code_becomes_an_ordinary_device(person: Account) -> None:
    app = OAuthApp("PHONE")
    session = app.sign_in(person)
    assert session["token_type"] == "Bearer"
    assert session["scope"] == scope_of("PHONE")
    assert session["expires_in"] == 3600
    assert whoami(session["access_token"]).body == {
        "user_id": person.user_id,
        "device_id": "PHONE",
        "is_guest": False,
    }
    listed = get("/devices", token=session["access_token"]).body["devices"]
    assert [(one["device_id"], one["display_name"]) for one in listed] == [("PHONE", "Pigeon")]


def test_neither_codes_nor_tokens_are_stored_or_logged(
    person: Account, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    app = OAuthApp()
    code, waiting = app.code(person), app.begin_device_grant()
    session = app.exchange(code).body
    secrets = [code, session["access_token"], session["refresh_token"], waiting["device_code"]]
    secrets.append(waiting["user_code"].replace("-", ""))
    stored = [
        db.rows(f"SELECT * FROM {table}") for table in ("oauth_code", "oauth_device_grant", "audit_entry")
    ]
    seen = repr(stored) + caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in secrets if secret in seen]


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://app.example.com/callback/"},
        {"redirect_uri": "https://example.com/other"},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": "short"},
        {
            "code_verifier": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
            .decode()
            .rstrip("=")
        },
    ],
)
def test_a_code_is_bound_to_its_request(person: Account, changed: dict[str, str]) -> None:
    app = OAuthApp()
    code = app.code(person)
    assert error(app.exchange(code, **changed)) == (400, "invalid_grant")
    assert app.exchange(code).status == 200


def test_a_code_is_for_its_client_alone(person: Account) -> None:
    app, other = OAuthApp(), OAuthApp(client_name="Magpie")
    code = app.code(person)
    assert error(other.exchange(code)) == (400, "invalid_grant")
    assert error(app.token(grant_type="authorization_code", client_id="nobody", code=code)) == (
        401,
        "invalid_client",
    )
    assert app.exchange(code).status == 200
    assert error(other.exchange(code)) == (400, "invalid_grant")
    assert len(devices.of_user(person.user_nid)) == 1


def test_a_code_that_comes_twice_ends_its_session(person: Account) -> None:
    app = OAuthApp()
    code = app.code(person)
    session = app.exchange(code).body
    assert error(app.exchange(code)) == (400, "invalid_grant")
    assert whoami(session["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert error(app.refresh(session["refresh_token"])) == (400, "invalid_grant")
    assert devices.of_user(person.user_nid) == []
    assert audit.page(before=None, limit=1)[0].action == "session.compromised"


def test_a_code_ends_by_itself(person: Account) -> None:
    app = OAuthApp()
    code = app.code(person)
    with db.write():
        db.execute("UPDATE oauth_code SET expires_ts = 1")
    assert error(app.exchange(code)) == (400, "invalid_grant")
    delete_expired()
    assert db.value("SELECT count(*) FROM oauth_code") == 0


def lock(account: Account, locked: bool) -> None:
    set_locked(ClientFactory().make(admin=True).requester, account.user_id, locked)


def end_by_locking(account: Account) -> None:
    lock(account, True)


def end_by_deactivation(account: Account) -> None:
    deactivate(account.user_id, account.user_nid, erase=False)


def end_by_a_new_password(account: Account) -> None:
    change_password(account.user_nid, "hash", sign_out=True)


@pytest.mark.parametrize("end", [end_by_locking, end_by_deactivation, end_by_a_new_password])
def test_what_was_allowed_before_is_worth_nothing_afterwards(person: Account, end: Any) -> None:
    app = OAuthApp()
    code = app.code(person)
    end(person)
    assert error(app.exchange(code)) == (400, "invalid_grant")


def test_a_known_device_is_taken_over_with_its_name(person: Account) -> None:
    legacy = token_for(person, "PHONE")
    app = OAuthApp("PHONE")
    session = app.sign_in(person)
    assert whoami(legacy).errcode == "M_UNKNOWN_TOKEN"
    again = token_for(person, "PHONE")
    assert whoami(session["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert error(app.refresh(session["refresh_token"])) == (400, "invalid_grant")
    assert whoami(again).status == 200
    assert db.value("SELECT count(*) FROM oauth_session") == 0


def test_refresh_tokens_are_rotated(person: Account) -> None:
    app = OAuthApp()
    first = app.sign_in(person)
    second = app.refresh(first["refresh_token"]).body
    assert second["scope"] == first["scope"]
    assert whoami(first["access_token"]).status == 200  # the answer may have been lost
    assert whoami(second["access_token"]).status == 200
    assert whoami(first["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert whoami(app.refresh(second["refresh_token"]).body["access_token"]).status == 200


def test_a_client_that_missed_the_answer_may_ask_again(person: Account) -> None:
    app = OAuthApp()
    first = app.sign_in(person)
    missed = app.refresh(first["refresh_token"]).body
    second = app.refresh(first["refresh_token"]).body
    assert error(app.refresh(missed["refresh_token"])) == (400, "invalid_grant")
    assert whoami(second["access_token"]).status == 200


def test_a_refresh_token_that_comes_after_its_successor_was_used_ends_the_session(person: Account) -> None:
    app, other = OAuthApp(), OAuthApp(client_name="Magpie")
    first = app.sign_in(person)
    second = app.refresh(first["refresh_token"]).body
    assert whoami(second["access_token"]).status == 200
    with db.write():  # as if it had been made later than the first
        db.execute("UPDATE refresh_token SET created_ts = created_ts + 5")
    assert error(other.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert whoami(second["access_token"]).status == 200
    assert error(app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert whoami(second["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert error(app.refresh(second["refresh_token"])) == (400, "invalid_grant")
    entry = audit.page(before=None, limit=1)[0]
    assert (entry.action, entry.target) == ("session.compromised", person.user_id)


def test_a_token_of_an_earlier_sign_in_of_the_device_ends_nothing(person: Account) -> None:
    app = OAuthApp("PHONE")
    first = app.sign_in(person)
    second = app.sign_in(person)
    with db.write():
        db.execute("UPDATE oauth_session SET created_ts = created_ts + 5")
    assert error(app.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert whoami(second["access_token"]).status == 200


def test_the_two_apis_do_not_mix(person: Account) -> None:
    app = OAuthApp()
    session = app.sign_in(person)
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).errcode == "M_UNKNOWN_TOKEN"
    identifier = {"type": "m.id.user", "user": person.user_id}
    body = {
        "type": "m.login.password",
        "identifier": identifier,
        "password": "a horse, a battery and a staple",
    }
    legacy = post("/login", {**body, "refresh_token": True}).body
    assert error(app.refresh(legacy["refresh_token"])) == (400, "invalid_grant")
    assert revoke(legacy["access_token"]).status == 200
    assert whoami(legacy["access_token"]).status == 200
    assert app.refresh(session["refresh_token"]).status == 200
    assert post("/refresh", {"refresh_token": legacy["refresh_token"]}).status == 200


def test_a_refresh_token_is_for_its_client_alone(person: Account) -> None:
    app, other = OAuthApp(), OAuthApp(client_name="Magpie")
    session = app.sign_in(person)
    assert error(other.refresh(session["refresh_token"])) == (400, "invalid_grant")
    assert error(app.refresh(session["access_token"])) == (400, "invalid_grant")
    assert app.refresh(session["refresh_token"]).status == 200


def test_access_tokens_end_and_their_clients_are_told_to_refresh(person: Account) -> None:
    app = OAuthApp()
    session = app.sign_in(person)
    with db.write():
        db.execute("UPDATE access_token SET expires_ts = 1")
    answer = whoami(session["access_token"])
    assert (answer.errcode, answer.body["soft_logout"]) == ("M_UNKNOWN_TOKEN", True)
    assert app.refresh(session["refresh_token"]).status == 200


def test_locking_signs_nobody_out_for_good(person: Account) -> None:
    app = OAuthApp()
    session = app.sign_in(person)
    lock(person, True)
    assert whoami(session["access_token"]).errcode == "M_USER_LOCKED"
    assert app.refresh(session["refresh_token"]).status == 503
    lock(person, False)
    assert app.refresh(session["refresh_token"]).status == 200


def test_too_many_requests_do_not_sign_a_client_out(person: Account) -> None:
    app = OAuthApp()
    session = app.sign_in(person)
    few = {"enabled": True, "write": RateLimit(per_second=0.001, burst=1)}
    with settings(rate_limits=few):
        rate_limit.reset()
        answers = [app.refresh(session["refresh_token"]).status for _ in range(2)]
    assert answers == [200, 503]


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("fields", [{}, {"client_id": "another"}, {"token_type_hint": "refresh_token"}])
def test_either_token_signs_out_whoever_sends_it(person: Account, which: str, fields: dict[str, str]) -> None:
    app = OAuthApp()
    session, other = app.sign_in(person), token_for(person)
    assert revoke(session[which], **fields).status == 200
    assert whoami(session["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert error(app.refresh(session["refresh_token"])) == (400, "invalid_grant")
    assert len(devices.of_user(person.user_nid)) == 1
    assert whoami(other).status == 200
    assert revoke(session[which], **fields).status == 200


def test_revoking_nothing_is_fine_and_saying_nothing_is_not() -> None:
    assert revoke("made up").body == {}
    assert error(ask("POST", f"{PREFIX}/revoke", form={"client_id": "x"})) == (400, "invalid_request")


def test_a_device_that_is_signed_out_elsewhere_has_no_tokens(person: Account) -> None:
    session = OAuthApp("PHONE").sign_in(person)
    assert post("/logout", token=session["access_token"]).status == 200
    assert db.value("SELECT count(*) FROM oauth_session") == 0
    assert db.value("SELECT count(*) FROM oauth_code") == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"grant_type=refresh_token&client_id=a&client_id=b", "application/x-www-form-urlencoded"),
        (b"grant_type=refresh_token", "application/json"),
        (b"grant_type=refresh_token", ""),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"client_id=%ff", "application/x-www-form-urlencoded"),
        (b"client_id=a%00", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % n for n in range(40)), "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type=&client_id=", "application/x-www-form-urlencoded; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("endpoint", ["token", "revoke", "device"])
def test_malformed_forms_are_refused(endpoint: str, body: bytes, kind: str) -> None:
    assert error(raw(f"{PREFIX}/{endpoint}", body, kind)) == (400, "invalid_request")


NAMES = [
    "grant_type",
    "client_id",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "scope",
]
VALUES = st.text(max_size=30) | st.sampled_from(
    [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "CLIENT",
        REDIRECT_URI,
    ]
)


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(endpoint=st.sampled_from(["token", "device"]), form=st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_form_gets_more_than_an_error(endpoint: str, form: dict[str, str]) -> None:
    client_id = OAuthApp().client_id
    sent = {name: client_id if value == "CLIENT" else value for name, value in form.items()}
    sent = {name: value.encode("utf-8", "replace").decode() for name, value in sent.items()}
    assert error(ask("POST", f"{PREFIX}/{endpoint}", form=sent))[0] in (400, 401)
    assert db.value("SELECT count(*) FROM access_token") == 0


def test_clients_that_nobody_is_go_after_a_month(person: Account) -> None:
    used, unused = OAuthApp(), OAuthApp(client_name="Magpie")
    session = used.sign_in(person)
    waits = OAuthApp(client_name="Dove")
    waits.begin_device_grant()
    with db.write():
        db.execute("UPDATE oauth_client SET used_ts = 1")
    delete_expired()
    left = {row[0] for row in db.rows("SELECT client_id FROM oauth_client")}
    assert left == {used.client_id, waits.client_id}
    assert unused.client_id not in left
    revoke(session["access_token"])
    delete_expired()
    assert {row[0] for row in db.rows("SELECT client_id FROM oauth_client")} == {waits.client_id}


def test_endpoints_that_need_the_password_are_for_the_pages(person: Account) -> None:
    token = OAuthApp("PHONE").sign_in(person)["access_token"]
    token_for(person, "LAPTOP")
    password = {"new_password": "an entirely new sentence"}
    auth = password_stage(person)
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/account/password", password),
        ("POST", "/account/deactivate", {}),
        ("POST", "/account/3pid/add", {"sid": "x", "client_secret": "y"}),
        ("DELETE", "/devices/LAPTOP", {}),
        ("POST", "/delete_devices", {"devices": ["LAPTOP"]}),
        ("POST", "/_matrix/client/v1/login/get_token", {}),
    ]
    for method, path, body in requests:
        for given_auth in ({}, {"auth": auth}):
            answer = ask(method, path, {**body, **given_auth}, token=token)
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN"), path
    assert len(devices.of_user(person.user_nid)) == 2
    capabilities = get("/capabilities", token=token).body["capabilities"]
    for name in ("m.change_password", "m.get_login_token", "m.3pid_changes"):
        assert capabilities[name] == {"enabled": False}


def test_a_session_belongs_to_its_client(person: Account) -> None:
    app = OAuthApp("PHONE")
    app.sign_in(person)
    device = devices.find(person.user_nid, "PHONE")
    assert device is not None
    session = oauth_sessions.of_device(device.nid)
    assert session is not None
    assert session.scope == scope_of("PHONE")
