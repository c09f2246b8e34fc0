"""What the checks say of signatures, CAA records and other name servers, on made-up networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.diagnostics.checks.caa import caa
from appliance.diagnostics.checks.dnssec import dnssec
from appliance.diagnostics.checks.resolvers import resolvers
from appliance.diagnostics.name_servers import DnsAnswer
from appliance.diagnostics.outside import Certificate
from appliance.diagnostics.own_names import is_private_name
from appliance.diagnostics.result import Status
from tests.factories.outside import FakeOutside, fake_outside
from tests.factories.settings import settings

HOST, DOMAIN = "matrix.hearth.org", "hearth.org"
NAMED: dict[str, Any] = {"name": DOMAIN, "public_baseurl": f"https://{HOST}"}
NOTHING = DnsAnswer("NOERROR")


@pytest.fixture
def net() -> Iterator[FakeOutside]:
    """A network in which both names are at one address, for all name servers."""
    with (
        fake_outside() as found,
        settings(server=NAMED, diagnostics={"resolvers": ("authoritative", "192.0.2.53")}),
    ):
        for server in ("", "192.0.2.53", "192.0.2.1"):
            for name in (HOST, DOMAIN):
                found.answers[name, "A", server] = DnsAnswer("NOERROR", ("9.9.9.1",), is_validated=True)
                found.answers[name, "AAAA", server] = NOTHING
        for name in (HOST, DOMAIN):
            for kind in ("CNAME", "NS", "CAA"):
                found.answers[name, kind, ""] = NOTHING
        found.answers["org", "CAA", ""] = NOTHING
        found.answers[DOMAIN, "NS", ""] = DnsAnswer("NOERROR", ("ns1.hearth.org.",))
        found.answers["ns1.hearth.org", "A", ""] = DnsAnswer("NOERROR", ("192.0.2.1",))
        yield found


def test_names_of_private_networks_are_not_asked_about() -> None:
    assert is_private_name("box.local")
    assert is_private_name("hearth.home.arpa")
    assert is_private_name("192.168.1.5")
    assert not is_private_name("hearth.org")
    with fake_outside(), settings(server={"name": "box.lan", "public_baseurl": "https://box.lan"}):
        assert {check().status for check in (caa, dnssec, resolvers)} == {Status.SKIPPED}


def test_signed_names_that_are_verified_are_fine(net: FakeOutside) -> None:
    assert dnssec().status is Status.OK
    for server in ("", "192.0.2.53"):
        net.answers[HOST, "A", server] = DnsAnswer("NOERROR", ("9.9.9.1",))
    assert dnssec().status is Status.INFO
    assert f"{HOST} is not signed" in dnssec().summary


def test_names_that_are_there_only_without_verification_are_broken(net: FakeOutside) -> None:
    net.answers[DOMAIN, "A", "192.0.2.53"] = DnsAnswer("SERVFAIL")
    net.answers[DOMAIN, "A", "192.0.2.53!"] = DnsAnswer("NOERROR", ("9.9.9.1",))
    found = dnssec()
    assert (found.status, f"The signatures of {DOMAIN} are broken" in found.summary) == (Status.ERROR, True)
    for server in ("", "192.0.2.53"):
        net.answers[DOMAIN, "A", server] = DnsAnswer("SERVFAIL")
        net.answers[DOMAIN, "A", f"{server}!"] = DnsAnswer("SERVFAIL")
    assert "fail (SERVFAIL)" in dnssec().summary


def test_without_caa_records_everybody_may_issue(net: FakeOutside) -> None:
    assert caa().status is Status.OK


@pytest.mark.parametrize(
    ("records", "issuer", "status"),
    [
        (('0 issue "letsencrypt.org"',), "Let's Encrypt", Status.OK),
        (('0 issue "letsencrypt.org; validationmethods=dns-01"',), "Let's Encrypt", Status.OK),
        (('0 issue "digicert.com"',), "Let's Encrypt", Status.WARN),
        (('0 issue "digicert.com"',), "DigiCert Inc", Status.OK),
        (('0 issue ";"',), "Let's Encrypt", Status.WARN),
        (('0 issuewild ";"', '0 iodef "mailto:a@hearth.org"'), "Let's Encrypt", Status.OK),
        (('0 issue "digicert.com"',), "Own Authority", Status.INFO),
    ],
)
def test_caa_records_must_let_the_present_authority_renew(
    net: FakeOutside, records: tuple[str, ...], issuer: str, status: Status
) -> None:
    net.answers[DOMAIN, "CAA", ""] = DnsAnswer("NOERROR", records)
    net.certificates[f"{HOST}:443"] = Certificate(60, issuer=issuer)
    assert caa().status is status


def test_caa_records_of_the_host_go_before_those_above_it(net: FakeOutside) -> None:
    net.answers[DOMAIN, "CAA", ""] = DnsAnswer("NOERROR", ('0 issue "letsencrypt.org"',))
    net.answers[HOST, "CAA", ""] = DnsAnswer("NOERROR", ('0 issue "digicert.com"',))
    found = caa()
    assert found.status is Status.ERROR, "there is no certificate yet, and there will be none"
    assert found.snippet == f'{HOST}.  IN  CAA  0 issue "letsencrypt.org"'
    with settings(server=NAMED, diagnostics={"certificate_issuers": ("digicert.com",)}):
        assert caa().status is Status.ERROR, "the domain's own records forbid it"
        net.answers[DOMAIN, "CAA", ""] = NOTHING
        assert caa().status is Status.OK


def test_name_servers_that_say_the_same_are_fine(net: FakeOutside) -> None:
    found = resolvers()
    assert (found.status, "3 name servers" in found.summary) == (Status.OK, True)
    with settings(server=NAMED, diagnostics={"resolvers": ()}):
        assert resolvers().status is Status.SKIPPED


def test_a_name_server_that_says_something_else_is_named(net: FakeOutside) -> None:
    net.answers[DOMAIN, "A", "192.0.2.1"] = DnsAnswer("NOERROR", ("9.9.9.2",))
    found = resolvers()
    assert (found.status, "for 192.0.2.1" in found.summary) == (Status.WARN, True)
    net.answers[DOMAIN, "A", "192.0.2.1"] = DnsAnswer("NXDOMAIN")
    assert resolvers().status is Status.ERROR


def test_another_address_inside_the_own_network_is_meant_so(net: FakeOutside) -> None:
    net.answers[HOST, "A", ""] = DnsAnswer("NOERROR", ("192.168.1.5",))
    found = resolvers()
    assert (found.status, "for this network" in found.summary) == (Status.INFO, True)


def test_an_alias_is_not_asked_of_the_domains_own_name_servers(net: FakeOutside) -> None:
    net.answers[HOST, "CNAME", ""] = DnsAnswer("NOERROR", ("box.elsewhere.org.",))
    net.answers[HOST, "A", "192.0.2.1"] = NOTHING
    assert resolvers().status is Status.OK


def test_silent_name_servers_tell_nothing(net: FakeOutside) -> None:
    for key in [key for key in net.answers if key[2]]:
        del net.answers[key]
    assert resolvers().status is Status.UNKNOWN
