"""What certificates say of themselves, compared with what the library for them reads."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from appliance.certificates import Facts, NoCertificate, facts_of
from tests.federation.certificates import Authority


def made(folder: Path, *names: str, days: float = 30) -> str:
    return Authority(folder).pair(*names, days=days)[0].decode()


def test_names_addresses_and_times_are_read(tmp_path: Path) -> None:
    pem = made(tmp_path, "Turn.Example.org", "*.calls.example", "127.0.0.1", "2001:db8::1")
    facts = facts_of("Bag Attributes\n" + pem + made(tmp_path, "second.example"))
    known = x509.load_pem_x509_certificate(pem.encode())
    assert facts.names == ("turn.example.org", "*.calls.example", "127.0.0.1", "2001:db8::1")
    assert datetime.fromtimestamp(facts.not_before, UTC) == known.not_valid_before_utc
    assert datetime.fromtimestamp(facts.not_after, UTC) == known.not_valid_after_utc


def test_a_certificate_far_in_the_future_has_its_time_written_otherwise(tmp_path: Path) -> None:
    assert (
        datetime.fromtimestamp(facts_of(made(tmp_path, "a.example", days=40_000)).not_after, UTC).year > 2100
    )


def test_a_certificate_without_names_is_for_nobody(tmp_path: Path) -> None:
    """As that of an authority is."""
    Authority(tmp_path)
    assert facts_of((tmp_path / "authority.pem").read_text()).names == ()


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("turn.example.org", True),
        ("TURN.example.org.", True),
        ("example.org", False),
        ("x.calls.example", True),
        ("x.y.calls.example", False),
        ("calls.example", False),
        ("127.0.0.1", True),
    ],
)
def test_it_is_for_a_host_by_name_by_star_or_by_address(host: str, covered: bool) -> None:
    facts = Facts(("turn.example.org", "*.calls.example", "127.0.0.1"), 0, 1)
    assert facts.covers(host) is covered


def test_it_is_valid_between_its_times(tmp_path: Path) -> None:
    now = time.time()
    assert facts_of(made(tmp_path, "a.example")).is_valid(now)
    assert not facts_of(made(tmp_path, "a.example", days=-1)).is_valid(now)
    assert not Facts((), now + 1, now + 2).is_valid(now)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(NoCertificate):
        facts_of(text)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    import ssl

    with pytest.raises(NoCertificate):
        facts_of(ssl.DER_cert_to_PEM_cert(data))
