"""What every answer of the pages carries, errors included: nobody frames them, and no other script runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from admin_ui.page import page
from admin_ui.security import HEADERS, content_security_policy
from admin_ui.visit import Visit
from matrix_app.protocol.errors import BadGateway
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.page_sessions import browser_of_admin
from tests.factories.page_views import page_views

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> Account:
    return make_account("owner", admin=True)


def judge(answer: Any) -> None:
    """Stricter is fine: media have a policy of their own."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    if "sandbox" not in policy:
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
    for name in set(HEADERS) - {"Cache-Control"}:
        assert answer.headers[name] == HEADERS[name]
    assert "Cache-Control" in answer.headers


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_page_and_every_refusal_has_them(owner: Account, signed_in: bool) -> None:
    visitor = browser_of_admin(owner) if signed_in else Browser()
    for view in page_views():
        judge(visitor.client.get(view.path()))
        judge(visitor.client.post(view.path()))
        judge(visitor.client.put(view.path()))


@pytest.mark.filterwarnings("ignore:No directory at")  # nobody has collected the static files
@pytest.mark.parametrize("area", ["admin", "account", "setup", "static"])
def test_so_has_what_is_not_there(owner: Account, area: str) -> None:
    answer = browser_of_admin(owner).client.get(f"/{area}/no/such/page/")
    assert answer.status_code == 404
    judge(answer)


def test_so_have_requests_that_cannot_be_read(owner: Account) -> None:
    visitor = browser_of_admin(owner)
    fields = {f"field{number}": "x" for number in range(2000)}
    fields["csrfmiddlewaretoken"] = visitor.token("/admin/users/new/")
    answer = visitor.client.post("/admin/users/new/", fields)
    assert answer.status_code == 400
    judge(answer)
    answer = Client().post("/account/sign-in/", headers={"host": "not a host"})
    assert answer.status_code in (400, 403)
    judge(answer)


@pytest.mark.parametrize(
    ("fault", "status"), [(RuntimeError("a secret"), 500), (BadGateway("nobody answers"), 502)]
)
def test_so_have_faults_which_tell_no_secrets(rf: Any, fault: Exception, status: int) -> None:
    @page("account", session=False)
    def broken(visit: Visit) -> Any:
        raise fault

    answer: Any = broken(rf.get("/account/"))
    assert answer.status_code == status
    assert b"a secret" not in answer.content
    judge(answer)


def test_scripts_and_styles_come_from_the_static_files_alone() -> None:
    policy = content_security_policy("matrix.example.org:8448")
    assert "script-src matrix.example.org:8448/static/;" in policy
    assert "style-src matrix.example.org:8448/static/;" in policy


@pytest.mark.parametrize("host", ["", "[::1]:8008", "a; script-src *", "a b", "a\nb", "*", "a,b"])
def test_no_host_name_writes_into_the_policy(host: str) -> None:
    assert "script-src 'self';" in content_security_policy(host)
