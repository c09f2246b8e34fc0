"""Passkeys: made, used in the three ways there are, and refused where something is not as it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from appliance.config import get_config
from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, LimitExceeded, NotFound, UserLocked
from matrix_app.services import administer_account, passkeys, second_factor, web_sign_in
from matrix_app.services.audit import CLI, Actor
from matrix_app.services.passkey_challenges import LIFETIME_MS, Purpose, of_session, of_visitor
from matrix_app.services.passkey_proof import begin_proof
from matrix_app.services.relying_party import relying_party
from matrix_app.services.web_sign_in import ACCOUNT, ADMIN
from matrix_app.storage import audit, db, second_factors, web_sessions
from matrix_app.storage import passkeys as stored
from matrix_app.storage.accounts import Account
from matrix_app.storage.web_sessions import WebSessionRow
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.authenticator import Authenticator, bytes_of, text_of
from tests.factories.browser import code_of
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "https://matrix.hearth.example"
IP = "192.0.2.7"
VISITOR = of_visitor("a browser")


@pytest.fixture(autouse=True)
def _here() -> Iterator[None]:
    with settings(server={"public_baseurl": f"{ORIGIN}/"}):
        yield


@pytest.fixture
def person() -> Account:
    return make_account("pia", admin=True)


@pytest.fixture
def session(person: Account) -> WebSessionRow:
    return opened(person)


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(ORIGIN)


def opened(account: Account, area: str = ACCOUNT) -> WebSessionRow:
    token = web_sign_in.sign_in(area, account.user_id, PASSWORD, IP, "a browser").token
    found = web_sign_in.find_session(area, token, IP)
    assert found is not None
    return found


def add(session: WebSessionRow, phone: Authenticator, name: str = "My phone") -> list[str]:
    made = phone.create(passkeys.begin_registration(session))
    return passkeys.finish_registration(session, made, name, Actor(session.user_nid, "page", IP))


def answered(phone: Authenticator, bound_to: str = VISITOR, purpose: Purpose = Purpose.SIGN_IN) -> str:
    return phone.get(begin_proof(purpose, bound_to, IP))


def signed_in(answer: str, area: str = ADMIN, bound_to: str = VISITOR) -> WebSessionRow:
    token = web_sign_in.sign_in_with_passkey(area, bound_to, answer, IP, "a browser").token
    found = web_sign_in.find_session(area, token, IP)
    assert found is not None
    return found


def changed(answer: str, **response: str) -> str:
    credential = json.loads(answer)
    credential["response"] |= response
    return json.dumps(credential)


def actions() -> list[str]:
    return [entry.action for entry in audit.page(before=None, limit=20)]


def test_a_passkey_opens_a_session_without_password_or_second_factor(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    assert len(add(session, phone)) == second_factor.RECOVERY_CODES
    found = signed_in(answered(phone))
    assert (found.user_nid, found.second_factor_pending) == (person.user_nid, False)
    assert web_sign_in.is_confirmed(found)
    assert actions()[:2] == ["session.start", "passkey.add"]
    assert stored.of_user(person.user_nid)[0].last_used_ts is not None


def test_with_a_passkey_the_password_alone_is_not_enough(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    pending = opened(person)
    assert pending.second_factor_pending
    options = begin_proof(Purpose.SECOND_FACTOR, of_session(pending), IP, person.user_nid)
    assert [bytes_of(entry["id"]) for entry in options["allowCredentials"]] == [phone.credentials[0].id]
    token = web_sign_in.give_passkey(pending, phone.get(options), IP)
    found = web_sign_in.find_session(ACCOUNT, token, IP)
    assert found is not None
    assert not found.second_factor_pending


def test_a_key_without_a_pin_is_a_second_factor_and_no_more(session: WebSessionRow, person: Account) -> None:
    key = Authenticator(ORIGIN, verifies=False)
    add(session, key)
    pending = opened(person)
    options = begin_proof(Purpose.SECOND_FACTOR, of_session(pending), IP, person.user_nid)
    web_sign_in.give_passkey(pending, key.get(options), IP)
    with pytest.raises(Forbidden):
        signed_in(answered(key))
    options = begin_proof(Purpose.CONFIRM, of_session(session), IP, person.user_nid)
    with pytest.raises(Forbidden):
        web_sign_in.confirm_with_passkey(session, key.get(options), IP)


def test_a_passkey_confirms_what_is_dangerous(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    with db.write():
        web_sessions.confirm(session.nid, 1)
    options = begin_proof(Purpose.CONFIRM, of_session(session), IP, session.user_nid)
    token = web_sign_in.confirm_with_passkey(session, phone.get(options), IP)
    found = web_sign_in.find_session(ACCOUNT, token, IP)
    assert found is not None
    assert web_sign_in.is_confirmed(found)
    assert actions()[0] == "session.confirm"


def test_an_answer_counts_once(session: WebSessionRow, phone: Authenticator) -> None:
    phone.counts = False  # so that nothing but the challenge is spent
    add(session, phone)
    answer = answered(phone)
    signed_in(answer)
    with pytest.raises(Forbidden, match="too long"):
        signed_in(answer)


def test_an_answer_is_worth_nothing_in_another_browser_for_another_purpose_or_later(
    session: WebSessionRow, phone: Authenticator
) -> None:
    add(session, phone)
    with pytest.raises(Forbidden, match="too long"):
        signed_in(answered(phone, of_visitor("somebody else")))
    with pytest.raises(Forbidden, match="too long"):
        signed_in(answered(phone, purpose=Purpose.CONFIRM))
    answer = answered(phone)
    with db.write():
        db.execute("UPDATE one_time_token SET expires_ts = expires_ts - %s", (LIFETIME_MS,))
    with pytest.raises(Forbidden, match="too long"):
        signed_in(answer)


@pytest.mark.parametrize(
    "origin", ["https://hearth.example", "http://matrix.hearth.example", "https://matrix.hearth.example:8448"]
)
def test_an_answer_from_another_origin_is_refused(
    session: WebSessionRow, phone: Authenticator, origin: str
) -> None:
    with pytest.raises(Forbidden):
        add(session, Authenticator(origin))
    add(session, phone)
    phone.origin = origin
    with pytest.raises(Forbidden):
        signed_in(answered(phone))


def test_an_answer_from_inside_another_page_is_refused(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    phone.cross_origin = True
    with pytest.raises(Forbidden):
        signed_in(answered(phone))


def test_a_passkey_for_another_domain_is_refused(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    phone.credentials[0].rp_id = "hearth.example"
    with pytest.raises(Forbidden):
        signed_in(answered(phone))


def test_a_signature_of_another_key_is_refused(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    forger = Authenticator(ORIGIN)
    add(opened(make_account()), forger)
    answer = json.loads(answered(forger))
    answer["id"] = answer["rawId"] = text_of(phone.credentials[0].id)
    answer["response"]["userHandle"] = text_of(phone.credentials[0].user_handle)
    with pytest.raises(Forbidden):
        signed_in(json.dumps(answer))


def test_the_passkey_of_somebody_else_is_no_second_factor(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    thief = Authenticator(ORIGIN)
    add(opened(make_account()), thief)
    pending = opened(person)
    options = begin_proof(Purpose.SECOND_FACTOR, of_session(pending), IP, person.user_nid)
    with pytest.raises(Forbidden, match="not known"):
        web_sign_in.give_passkey(pending, thief.get({**options, "allowCredentials": []}), IP)


def test_a_sign_in_must_say_whose_passkey_it_is(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    with pytest.raises(Forbidden, match="not known"):
        signed_in(changed(answered(phone), userHandle=text_of(b"somebody else")))
    answer = json.loads(answered(phone))
    del answer["response"]["userHandle"]
    with pytest.raises(Forbidden, match="not known"):
        signed_in(json.dumps(answer))


def test_a_counter_that_goes_back_is_refused_and_written_down(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    signed_in(answered(phone))
    copy = phone.credentials[0]
    copy.count -= 1
    with pytest.raises(Forbidden, match="copied"):
        signed_in(answered(phone))
    entry = audit.page(before=None, limit=1)[0]
    assert (entry.action, entry.target) == ("passkey.refuse", person.user_id)
    copy.count += 5
    signed_in(answered(phone))


def test_a_forger_does_not_bring_a_passkey_under_suspicion(
    session: WebSessionRow, phone: Authenticator
) -> None:
    add(session, phone)
    signed_in(answered(phone))
    phone.credentials[0].count = 0
    answer = answered(phone)
    with pytest.raises(Forbidden, match="not accepted"):
        signed_in(changed(answer, signature=text_of(b"not a signature")))
    assert "passkey.refuse" not in actions()


def test_a_locked_account_stays_locked(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    with db.write():
        db.execute("UPDATE account SET locked_ts = 1 WHERE user_nid = %s", (session.user_nid,))
    with pytest.raises(UserLocked):
        signed_in(answered(phone))


def test_who_is_no_administrator_does_not_get_in_by_a_passkey(phone: Authenticator) -> None:
    add(opened(make_account()), phone)
    with pytest.raises(Forbidden, match="administrators"):
        signed_in(answered(phone))


def test_a_deactivated_account_has_no_passkeys(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    administer_account.deactivate(CLI, session.user_id, erase=False)
    assert stored.of_user(session.user_nid) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "\x00",
        '{"rawId": "!", "response": {"clientDataJSON": "e30"}}',
        '{"rawId": "YQ", "response": {"clientDataJSON": "_w"}}',
        '{"rawId": "YQ", "response": {"clientDataJSON": "eyJ0eXBlIjoxfQ"}}',
        '{"rawId": "YQ", "response": []}',
        "[" * 20_000,
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        signed_in(text)


@pytest.mark.parametrize("part", ["attestationObject", "clientDataJSON"])
@pytest.mark.parametrize("cut", [0, 1, 40, 100])
def test_a_passkey_that_cannot_be_read_is_refused(
    session: WebSessionRow, phone: Authenticator, part: str, cut: int
) -> None:
    made = json.loads(phone.create(passkeys.begin_registration(session)))
    whole = bytes_of(made["response"][part])
    made["response"][part] = text_of(whole[:cut] + bytes(20) + whole[cut + 20 :])
    with pytest.raises((Forbidden, InvalidParam)):
        passkeys.finish_registration(session, json.dumps(made), "broken", CLI)
    assert stored.of_user(session.user_nid) == []


def test_a_passkey_is_registered_once_and_authenticators_are_told_what_is_known(
    session: WebSessionRow, phone: Authenticator
) -> None:
    add(session, phone)
    options = passkeys.begin_registration(session)
    assert [bytes_of(entry["id"]) for entry in options["excludeCredentials"]] == [phone.credentials[0].id]
    second = Authenticator(ORIGIN)
    made = json.loads(second.create(options))
    raw = bytes_of(made["response"]["attestationObject"])
    raw = raw.replace(second.credentials[0].id, phone.credentials[0].id)
    made["id"] = made["rawId"] = text_of(phone.credentials[0].id)
    made["response"]["attestationObject"] = text_of(raw)
    with pytest.raises(Conflict):
        passkeys.finish_registration(session, json.dumps(made), "again", CLI)


def test_nobody_has_more_than_twenty(session: WebSessionRow, phone: Authenticator) -> None:
    for _ in range(passkeys.MOST):
        add(session, phone)
    with pytest.raises(Conflict):
        passkeys.begin_registration(session)


def test_all_passkeys_of_a_user_know_them_by_one_name_that_tells_nothing(
    session: WebSessionRow, phone: Authenticator
) -> None:
    first, second = passkeys.begin_registration(session), passkeys.begin_registration(session)
    other = passkeys.begin_registration(opened(make_account()))
    assert first["user"]["id"] == second["user"]["id"] != other["user"]["id"]
    assert b"pia" not in bytes_of(first["user"]["id"])


def test_names_are_changed_by_their_owner_alone(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    nid = stored.of_user(session.user_nid)[0].nid
    passkeys.rename(session.user_nid, nid, "  Blue   key ", CLI)
    assert stored.of_user(session.user_nid)[0].name == "Blue key"
    other = make_account()
    with pytest.raises(NotFound):
        passkeys.rename(other.user_nid, nid, "mine", CLI)
    with pytest.raises(NotFound):
        passkeys.remove(other.user_nid, nid, CLI)
    for name in ("", " ", "x" * 101):
        with pytest.raises(InvalidParam):
            passkeys.rename(session.user_nid, nid, name, CLI)


def test_recovery_codes_go_with_the_last_factor(session: WebSessionRow, phone: Authenticator) -> None:
    codes = add(session, phone)
    secret = second_factor.begin_totp(session.user_nid)
    assert second_factor.confirm_totp(session.user_nid, code_of(secret), CLI) == []
    passkeys.remove(session.user_nid, stored.of_user(session.user_nid)[0].nid, CLI)
    assert second_factors.count_recovery_codes(session.user_nid) == len(codes)
    second_factor.remove_totp(session.user_nid, CLI)
    assert second_factors.count_recovery_codes(session.user_nid) == 0


def test_a_recovery_code_opens_the_account_without_the_passkey(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    codes = add(session, phone)
    token = web_sign_in.give_second_factor(opened(person), codes[0])
    assert web_sign_in.find_session(ACCOUNT, token, IP) is not None


def test_the_code_of_an_app_that_nobody_confirmed_opens_nothing(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    secret = second_factor.begin_totp(person.user_nid)
    with pytest.raises(Forbidden):
        web_sign_in.give_second_factor(opened(person), code_of(secret))


def test_the_last_factor_stays_where_administrators_need_one(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    nid = stored.of_user(person.user_nid)[0].nid
    with settings(pages={"administrators_need_second_factor": True}):
        with pytest.raises(Forbidden, match="another one first"):
            passkeys.remove(person.user_nid, nid, CLI)
        assert stored.get(nid, person.user_nid) is not None
        add(session, phone, "another")
        passkeys.remove(person.user_nid, nid, CLI)


def test_resetting_removes_passkeys_and_codes(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    administer_account.reset_second_factor(CLI, session.user_id)
    assert not second_factor.has_second_factor(session.user_nid)
    assert second_factors.count_recovery_codes(session.user_nid) == 0
    assert actions()[0] == "user.reset_second_factor"


def test_those_who_guess_have_to_wait(session: WebSessionRow, phone: Authenticator) -> None:
    add(session, phone)
    with settings(rate_limits={"enabled": True}):
        for _ in range(20):
            signed_in(answered(phone))  # who is right does not wait
        wrong = changed(answered(phone), signature=text_of(b"x"))
        for _ in range(get_config().rate_limits.login.burst):
            with pytest.raises(Forbidden):
                signed_in(wrong)
        with pytest.raises(LimitExceeded):
            signed_in(wrong)


def test_those_who_ask_for_challenges_again_and_again_have_to_wait() -> None:
    with settings(rate_limits={"enabled": True}):
        for _ in range(get_config().rate_limits.login.burst):
            begin_proof(Purpose.SIGN_IN, VISITOR, IP)
        with pytest.raises(LimitExceeded):
            begin_proof(Purpose.SIGN_IN, VISITOR, IP)


@pytest.mark.parametrize(
    ("address", "rp_id", "origin"),
    [
        ("https://Matrix.Example.org:443/", "matrix.example.org", "https://matrix.example.org"),
        ("https://example.org:8448", "example.org", "https://example.org:8448"),
        ("http://localhost:8008", "localhost", "http://localhost:8008"),
    ],
)
def test_passkeys_belong_to_the_public_address(address: str, rp_id: str, origin: str) -> None:
    with settings(server={"public_baseurl": address}):
        party = relying_party()
    assert party is not None
    assert (party.id, party.origin) == (rp_id, origin)


@pytest.mark.parametrize(
    "address", ["http://matrix.example.org", "https://192.0.2.1", "https://[2001:db8::1]"]
)
def test_there_are_none_without_a_domain_and_tls(address: str, session: WebSessionRow) -> None:
    with settings(server={"public_baseurl": address}):
        assert relying_party() is None
        with pytest.raises(Forbidden, match="domain"):
            passkeys.begin_registration(session)


def test_a_passkey_for_the_name_before_is_not_asked_for(
    session: WebSessionRow, phone: Authenticator, person: Account
) -> None:
    add(session, phone)
    pending = opened(person)
    with (
        settings(server={"public_baseurl": "https://new.example"}),
        pytest.raises(Forbidden, match="no passkey"),
    ):
        begin_proof(Purpose.SECOND_FACTOR, of_session(pending), IP, person.user_nid)
