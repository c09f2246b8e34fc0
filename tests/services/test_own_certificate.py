"""Certificates of one's own: which are taken, and what is told of them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from appliance.config import Config, get_config
from appliance.diagnostics.checks.own_certificate import own
from appliance.diagnostics.result import Status
from appliance.own_certificate import for_proxy, kept
from appliance.proxy.site import certificates_of, site_of
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.services.audit import CLI
from matrix_app.services.own_certificate import remove_certificate, upload_certificate
from matrix_app.storage import audit
from tests.factories.settings import settings
from tests.federation.certificates import Authority

pytestmark = pytest.mark.django_db(transaction=True)

HOST, DOMAIN = "matrix.hearth.example", "hearth.example"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Config]:
    server: dict[str, Any] = {"secrets_dir": tmp_path / "secrets", "public_baseurl": f"https://{HOST}"}
    with settings(server=server) as found:
        yield found


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_pair_is_kept_for_the_server_alone_and_named_to_the_proxy(
    here: Config, authority: Authority
) -> None:
    chain, key = authority.pair(HOST, DOMAIN, days=90)
    assert for_proxy(here) is None
    upload_certificate(CLI, b"bag attributes\n" + chain + authority.file.read_bytes(), key)
    files = kept(here)
    assert files.certificate.read_bytes() == chain + authority.file.read_bytes()
    assert files.key.read_bytes() == key
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    found = certificates_of(here, "nginx", site_of(here))
    assert (found.certificate, found.key) == tuple(files)
    assert own().status is Status.OK
    row = audit.page(before=None, limit=1)[0]
    assert (row.action, row.target) == ("certificate.upload", f"{HOST}, {DOMAIN}")
    remove_certificate(CLI)
    assert for_proxy(here) is None
    assert own().status is Status.SKIPPED
    with pytest.raises(NotFound):
        remove_certificate(CLI)


def test_what_does_not_fit_is_refused_and_changes_nothing(here: Config, authority: Authority) -> None:
    chain, key = authority.pair(HOST, days=90)
    other_chain, other_key = authority.pair(HOST, days=90)
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    for given, words in (
        ((chain, other_key), "not that of the first"),
        ((b"", key), "no certificate in the file"),
        ((chain, chain), "no private key"),
        ((chain, locked), "password"),
        ((chain + other_chain, key), "was not issued by the next one"),
        ((authority.file.read_bytes() + chain, key), "was not issued by the next one"),
        ((chain * 11, key), "too many"),
        ((chain + b" " * 70_000, key), "too large"),
        ((chain, key + b" " * 70_000), "too large"),
        (authority.pair("other.example", days=90), f"not for {HOST}"),
        (authority.pair(HOST, days=-1), "expired"),
    ):
        with pytest.raises(InvalidParam, match=words):
            upload_certificate(CLI, *given)
    assert not kept(here).certificate.exists()
    proxy = {"certificate_file": Path("/etc/a.pem"), "key_file": Path("/etc/a.key")}
    with settings(proxy=proxy), pytest.raises(Forbidden):
        upload_certificate(CLI, chain, key)


@pytest.mark.parametrize(("days", "status"), [(90.5, Status.OK), (20.5, Status.WARN), (6.5, Status.ERROR)])
def test_its_end_is_warned_of(here: Config, authority: Authority, days: float, status: Status) -> None:
    upload_certificate(CLI, *authority.pair(HOST, DOMAIN, days=days))
    assert own().status is status


def test_names_that_are_missing_and_a_proxy_that_has_it_not_are_warned_of(
    here: Config, authority: Authority, tmp_path: Path
) -> None:
    upload_certificate(CLI, *authority.pair(HOST, days=90))
    found = own()
    assert (found.status, f"not for {DOMAIN}" in found.summary) == (Status.WARN, True)
    upload_certificate(CLI, *authority.pair(f"*.{DOMAIN}", DOMAIN, days=90))
    assert own().status is Status.OK
    with settings(proxy={"kind": "caddy", "file": tmp_path / "Caddyfile"}):
        found = own()
        assert (found.status, found.fix) == (Status.WARN, "sudo hearth reconfigure")
        assert certificates_of(get_config(), "caddy", site_of(here)).key != kept(here).key
