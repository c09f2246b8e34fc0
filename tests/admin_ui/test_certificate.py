"""The page of the proxy's certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from appliance.config import Config
from appliance.own_certificate import kept
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.settings import settings
from tests.federation.certificates import Authority

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/settings/certificate/"
HOST = "matrix.hearth.example"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Config]:
    with settings(server={"secrets_dir": tmp_path / "secrets", "public_baseurl": f"https://{HOST}"}) as found:
        yield found


@pytest.fixture
def browser() -> Browser:
    visitor = Browser()
    visitor.sign_in(make_account("owner", admin=True))
    return visitor


def files(chain: bytes, key: bytes) -> dict[str, SimpleUploadedFile]:
    return {"chain": SimpleUploadedFile("c.pem", chain), "key": SimpleUploadedFile("k.pem", key)}


def test_a_certificate_is_uploaded_shown_and_removed(here: Config, browser: Browser, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    refused = browser.post(PAGE, files(*authority.pair("other.example", days=90)), page=PAGE)
    assert f"not for {HOST}" in " ".join(refused.texts(".notice.error"))
    shown = browser.post(PAGE, files(*authority.pair(HOST, days=90)), page=PAGE)
    assert "is kept" in shown.message
    shown = browser.get(PAGE)
    assert "It is not for:" in shown.text, "the domain of the users"
    assert str(kept(here).key) in shown.text
    assert "PRIVATE KEY" not in shown.text
    with settings(proxy={"kind": "caddy", "file": tmp_path / "Caddyfile"}):
        assert "sudo hearth reconfigure" in browser.get(PAGE).text
    assert "removed" in browser.post(f"{PAGE}remove/", page=PAGE).message
    assert not kept(here).key.exists()


def test_what_the_file_names_is_shown_locked(browser: Browser) -> None:
    proxy = {"certificate_file": Path("/etc/mine.pem"), "key_file": Path("/etc/mine.key")}
    with settings(proxy=proxy):
        shown = browser.get(PAGE)
    assert "/etc/mine.pem" in shown.text
    assert not shown.html.css("input[type=file]")
