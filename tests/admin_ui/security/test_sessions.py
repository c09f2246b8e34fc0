"""No page and no action without the right session: all addresses of the URL configuration, all visitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.services.web_sign_in import ACCOUNT, ADMIN
from matrix_app.storage import audit, db
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.browser import Browser, code_of
from tests.factories.page_sessions import browser_of, browser_of_admin
from tests.factories.page_views import PageView, actions, page_views

pytestmark = pytest.mark.django_db(transaction=True)

# Where people come from who have no session yet.
OPEN: Final = {
    "admin:sign-in",
    "admin:passkey-begin-sign-in",
    "admin:passkey-sign-in",
    "account:sign-in",
    "account:passkey-begin-sign-in",
    "account:passkey-sign-in",
    "account:join",
    "account:authorize",
    "account:app",
    "account:register",
    "account:register-mail",
    "account:register-mail-again",
    "account:language",
}
# For those who have given their password, and not yet their second factor.
PENDING: Final = {
    "second-factor",
    "passkey-begin-second-factor",
    "passkey-second-factor",
    "sign-out",
}
# Actions for which the password is not asked for again, and why.
UNCONFIRMED: Final = {
    **dict.fromkeys(OPEN, "there is no session"),
    **{f"{area}:{name}": "it is how one comes in, or out" for area in (ADMIN, ACCOUNT) for name in PENDING},
    **{
        f"{area}:{name}": "it confirms"
        for area in (ADMIN, ACCOUNT)
        for name in ("confirm", "passkey-begin-confirm", "passkey-confirm")
    },
    "admin:checks-run": "it changes nothing",
    "admin:checks-try-alerts": "it changes nothing",
    "admin:check-mute": "it can be taken back",
    "admin:check-unmute": "it can be taken back",
    "admin:user-lock": "it can be taken back",
    "admin:user-rename-device": "it can be taken back",
    "admin:user-suspend": "it can be taken back",
    "admin:user-limits": "it can be taken back",
    "admin:user-limits-remove": "it can be set again",
    "admin:user-pushers-remove": "clients add theirs again",
    "admin:user-data-cancel": "it can be begun again",
    "admin:invitation-new": "it can be taken back",
    "admin:invitation": "it can be taken back",
    "admin:invitation-delete": "another can be made",
    "admin:room-block": "it can be taken back",
    "admin:room-publish": "it can be taken back",
    "admin:federation-retry": "it changes nothing",
    "admin:federation-test": "it changes nothing",
    "admin:federation-allow": "it can be taken back",
    "admin:report-handle": "it can be taken back",
    "admin:policy-look": "it only looks",
    "admin:policy-join": "it only joins a room that is followed",
    "admin:bridge-pause": "it can be taken back",
    "admin:bridge-ping": "it changes nothing",
    "admin:settings-test-mail": "it changes nothing",
    "admin:backup-make": "it adds",
    "admin:backup-verify": "it changes nothing",
    "admin:backup-upload": "it adds",
    "admin:backup-fetch-here": "it adds",
    "admin:backup-verify-there": "it changes nothing",
    "admin:task-cancel": "it can be begun again",
    "account:profile": "it can be taken back",
    "account:picture-set": "it can be taken back",
    "account:device": "it only shows",
    "account:device-rename": "it can be taken back",
    "account:data-cancel": "it can be begun again",
    "account:session-end": "one can sign in again",
    "account:sessions-end-others": "one can sign in again",
    "account:password": "it asks for the password itself",
    "account:passkey-rename": "it can be taken back",
}
# What shows secrets or much of everybody's is not even looked at without the password.
SECRET: Final = {
    "admin:users-export",
    "admin:user-data-archive",
    "admin:bridge-download",
    "admin:calls-turnserver",
    "account:data-archive",
}

Visitor = Callable[[Account], Browser]


def anonymous(_owner: Account) -> Browser:
    return Browser()


def ordinary_user(_owner: Account) -> Browser:
    """Signed in to the account, and showing that session at the door of the administration too."""
    visitor = browser_of(make_account(), ACCOUNT)
    visitor.client.cookies["hearth_admin"] = visitor.client.cookies["hearth_account"].value
    return visitor


def former_admin(owner: Account) -> Browser:
    return _changed(owner, "is_admin", False)


def locked_admin(owner: Account) -> Browser:
    return _changed(owner, "locked_ts", 1)


def suspended_admin(owner: Account) -> Browser:
    return _changed(owner, "suspended_ts", 1)


def deactivated_admin(owner: Account) -> Browser:
    return _changed(owner, "deactivated_ts", 1)


def idle_admin(owner: Account) -> Browser:
    visitor = browser_of_admin(owner)
    with db.write():
        db.execute("UPDATE web_session SET last_used_ts = last_used_ts - %s", (25 * 3_600_000,))
    return visitor


def old_admin(owner: Account) -> Browser:
    visitor = browser_of_admin(owner)
    with db.write():
        db.execute("UPDATE web_session SET created_ts = created_ts - %s", (31 * 24 * 3_600_000,))
    return visitor


def _changed(owner: Account, column: str, value: Any) -> Browser:
    visitor = browser_of_admin(owner)
    with db.write():
        db.execute(f"UPDATE account SET {column} = %s WHERE user_nid = %s", (value, owner.user_nid))
    return visitor


# Who still has an account of their own, where its pages are theirs.
KEEP_THEIR_ACCOUNT: Final = (ordinary_user, former_admin, suspended_admin)
STRANGERS: Final = (
    anonymous,
    ordinary_user,
    former_admin,
    locked_admin,
    suspended_admin,
    deactivated_admin,
    idle_admin,
    old_admin,
)


@pytest.fixture
def owner() -> Account:
    make_account("deputy", admin=True)  # without any administrator, the setup would open again
    return make_account("owner", admin=True)


def answers(visitor: Browser, view: PageView) -> Iterator[Any]:
    """What a visitor gets who opens an address, and who sends a form to it."""
    yield visitor.client.get(view.path())
    yield posted(visitor, view)


def posted(visitor: Browser, view: PageView, **headers: str) -> Any:
    token = visitor.token("/account/sign-in/")
    headers = {"X-CSRFToken": token, "Referer": "http://testserver/", **headers}
    return visitor.client.post(view.path(), headers=headers)


def leads_to(answer: Any, name: str) -> bool:
    """Whether the answer sends its visitor to a page of the area, such as sign-in."""
    if answer.status_code != 303:
        return False
    area, path = answer.request["PATH_INFO"].split("/")[1], answer["Location"].partition("?")[0]
    return bool(path == f"/{area}/{name}/")


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda visitor: visitor.__name__)
def test_without_the_right_session_everything_but_the_doors_is_closed(
    owner: Account, stranger: Visitor
) -> None:
    visitor, before = stranger(owner), audit.page(before=None, limit=1)
    for view in page_views():
        if str(view) in OPEN or (view.area == ACCOUNT and stranger in KEEP_THEIR_ACCOUNT):
            continue
        for answer in answers(visitor, view):
            closed = answer.status_code == 404 if view.area == "setup" else leads_to(answer, "sign-in")
            assert closed, f"{view} answers {stranger.__name__} with {answer.status_code}"
    assert audit.page(before=None, limit=1) == before


def test_nobody_without_a_session_is_told_what_there_is(owner: Account) -> None:
    for path in ("/admin/users/1/", "/admin/users/999/", "/admin/no/such/page/", "/admin/rooms/1/"):
        assert leads_to(Browser().client.get(path), "sign-in")


def test_the_doors_are_open(owner: Account) -> None:
    assert {str(view) for view in page_views()} >= OPEN
    for view in page_views():
        if str(view) in OPEN:
            assert not leads_to(posted(Browser(), view), "sign-in") or "passkey" in view.name


def test_with_the_password_alone_there_is_nothing_but_the_second_factor(owner: Account) -> None:
    secret = second_factor.begin_totp(owner.user_nid)
    second_factor.confirm_totp(owner.user_nid, code_of(secret), CLI)
    for view in page_views():
        if str(view) in OPEN or view.area == "setup":
            continue
        visitor = browser_of_admin(owner)
        for answer in answers(visitor, view):
            stopped = leads_to(answer, "second-factor")
            assert stopped or view.name in PENDING, f"{view} answers with {answer.status_code}"


def test_what_is_dangerous_needs_the_password_again(owner: Account) -> None:
    known, asked = actions(ADMIN, ACCOUNT), set()
    for view in known:
        visitor = browser_of_admin(owner, confirmed=False)
        if leads_to(posted(visitor, view), "confirm"):
            asked.add(str(view))
    assert asked == {str(view) for view in known} - UNCONFIRMED.keys()
    assert {str(view) for view in known} >= UNCONFIRMED.keys()


def test_secrets_are_shown_to_nobody_who_has_not_given_the_password_again(owner: Account) -> None:
    asked = set()
    for view in page_views():
        visitor = browser_of_admin(owner, confirmed=False)
        if view.area == "setup" or view.name.endswith("-confirm"):
            continue
        if leads_to(visitor.client.get(view.path()), "confirm"):
            asked.add(str(view))
    assert asked == SECRET


def test_pages_without_forms_do_nothing_with_one(owner: Account) -> None:
    visitor, forms = browser_of_admin(owner), actions(ADMIN, ACCOUNT)
    for view in page_views():
        if view in forms or view.area == "setup" or str(view) in SECRET:
            continue
        before = audit.page(before=None, limit=1)
        looked, sent = answers(visitor, view)
        assert (looked.status_code, looked.headers.get("Location")) == (
            sent.status_code,
            sent.headers.get("Location"),
        ) or sent.status_code == 303, str(view)
        assert audit.page(before=None, limit=1) == before, f"{view} does something"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_not_understood(owner: Account, method: str) -> None:
    visitor = browser_of_admin(owner)
    token = visitor.token("/account/sign-in/")
    for view in page_views():
        headers = {"X-CSRFToken": token, "Referer": "http://testserver/"}
        answer = visitor.client.generic(method, view.path(), headers=headers)
        assert answer.status_code == 405, f"{view} answers {method} with {answer.status_code}"
