"""What the checks say of names, .well-known files, certificates, ports and the proxy, on made-up networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.diagnostics.checks import client, names, ports, services, tls, wellknown
from appliance.diagnostics.outside import Certificate
from appliance.diagnostics.result import Status
from tests.factories.mail_server import mail_server
from tests.factories.outside import FakeOutside, fake_outside
from tests.factories.settings import settings

NAMED: dict[str, Any] = {"name": "hearth.example", "public_baseurl": "https://matrix.hearth.example"}
WELL_KNOWN = "https://hearth.example/.well-known/matrix/"


@pytest.fixture
def net() -> Iterator[FakeOutside]:
    """A network of which the test decides, for a server with names."""
    with fake_outside() as found, settings(server=NAMED):
        yield found


def test_a_server_without_public_names_is_not_looked_at() -> None:
    for one in (names.host, wellknown.client, tls.host, ports.public, client.versions):
        assert one().status is Status.SKIPPED


def test_names_must_lead_to_public_addresses(net: FakeOutside) -> None:
    assert names.host().status is Status.ERROR
    assert "IN  A" in names.host().snippet
    net.names["matrix.hearth.example"] = ["192.168.1.5"]
    assert "cannot be reached" in names.host().summary
    net.names["matrix.hearth.example"] = ["1.1.1.1", "fd00::1"]
    assert "fd00::1" in names.host().summary
    assert names.host().status is Status.ERROR
    net.names["matrix.hearth.example"] = ["1.1.1.1"]
    assert names.host().status is Status.OK
    with settings(federation={"allow_private_addresses": True}):
        net.names["matrix.hearth.example"] = ["10.0.0.1"]
        assert names.host().status is Status.WARN


def test_the_old_name_of_srv_records_is_a_warning(net: FakeOutside) -> None:
    assert names.service().status is Status.INFO
    net.records["_matrix._tcp.hearth.example"] = ["box.example:8448"]
    assert names.service().status is Status.WARN
    assert "10 5 8448 box.example." in names.service().snippet
    net.records["_matrix-fed._tcp.hearth.example"] = ["box.example:8448"]
    assert names.service().status is Status.OK


def test_other_servers_must_be_led_here(net: FakeOutside) -> None:
    net.say(f"{WELL_KNOWN}server", {}, 404)
    found = wellknown.server()
    assert found.status is Status.ERROR
    assert '{"m.server": "matrix.hearth.example:443"}' in found.snippet
    net.say(f"{WELL_KNOWN}server", {"m.server": "other.example:443"})
    assert wellknown.server().status is Status.WARN
    net.say(f"{WELL_KNOWN}server", {"m.server": "matrix.hearth.example:443"})
    assert wellknown.server().status is Status.OK
    net.say(f"{WELL_KNOWN}server", {}, 404)
    net.records["_matrix-fed._tcp.hearth.example"] = ["matrix.hearth.example:443"]
    assert wellknown.server().status is Status.INFO


def test_clients_must_be_led_here_in_browsers_too(net: FakeOutside) -> None:
    assert "gives no answer" in wellknown.client().summary
    right = {"m.homeserver": {"base_url": "https://matrix.hearth.example/"}}
    net.say(f"{WELL_KNOWN}client", right)
    assert "browsers" in wellknown.client().summary
    net.say(f"{WELL_KNOWN}client", right, access_control_allow_origin="*")
    assert wellknown.client().status is Status.OK
    net.say(
        f"{WELL_KNOWN}client",
        {"m.homeserver": {"base_url": "https://other.example"}},
        access_control_allow_origin="*",
    )
    assert wellknown.client().status is Status.ERROR


@pytest.mark.parametrize(
    ("days", "fault", "status"),
    [
        (60.0, "", Status.OK),
        (20.9, "", Status.WARN),
        (6.9, "", Status.ERROR),
        (-1.0, "", Status.ERROR),
        (0.0, "self-signed certificate", Status.ERROR),
    ],
)
def test_certificates_are_judged_by_their_days(
    net: FakeOutside, days: float, fault: str, status: Status
) -> None:
    net.certificates["matrix.hearth.example:443"] = Certificate(days, fault)
    found = tls.host()
    assert (found.status, fault in found.summary) == (status, True)


@pytest.mark.parametrize(
    ("hours", "fault", "status"),
    [(12, "", Status.OK), (1, "", Status.ERROR), (0, "self-signed certificate", Status.ERROR)],
)
def test_certificates_of_caddys_own_authority_are_judged_by_their_hours(
    net: FakeOutside, hours: int, fault: str, status: Status
) -> None:
    net.certificates["matrix.hearth.example:443"] = Certificate(hours / 24, fault)
    with settings(server=NAMED, proxy={"private_ca": True}):
        found = tls.host()
    assert (found.status, fault in found.summary) == (status, True)


def test_port_8448_counts_where_somebody_listens_there(net: FakeOutside) -> None:
    assert tls.federation().status is Status.SKIPPED
    net.listening.add("hearth.example:8448")
    assert tls.federation().status is Status.ERROR
    net.certificates["hearth.example:8448"] = Certificate(60)
    assert tls.federation().status is Status.OK


def test_an_open_port_is_not_called_good_from_inside(net: FakeOutside) -> None:
    assert ports.public().status is Status.UNKNOWN
    net.listening.add("matrix.hearth.example:443")
    assert ports.public().status is Status.UNKNOWN
    assert "answers this machine" in ports.public().summary


def test_clients_find_versions_logins_and_cors(net: FakeOutside) -> None:
    base = "https://matrix.hearth.example/_matrix/client"
    net.say(f"{base}/versions", {"nginx": "hello"})
    assert client.versions().status is Status.ERROR
    net.say(f"{base}/versions", {"versions": ["v1.1"]})
    assert client.versions().status is Status.OK
    net.say(f"{base}/v3/login", {"flows": []})
    assert client.login().status is Status.ERROR
    assert client.cors().status is Status.ERROR
    net.say(f"{base}/v3/login", {"flows": [{"type": "m.login.password"}]}, access_control_allow_origin="*")
    assert client.login().summary == "m.login.password"
    assert client.cors().status is Status.OK
    assert net.asked[-1][0] == "OPTIONS"


def test_what_the_proxy_leaves_out_or_changes_is_named(net: FakeOutside) -> None:
    url = "https://matrix.hearth.example/_hearth/reflection/a%2Fb"
    good = {"server_name": "hearth.example", "segment": "a/b", "forwarded_for": True, "https": True}
    net.say(url, {}, 404)
    assert "does not lead to this server" in client.headers().summary
    assert client.slashes().status is Status.WARN
    for key, word in (("forwarded_for", "X-Forwarded-For"), ("https", "X-Forwarded-Proto")):
        net.say(url, {**good, key: False})
        assert client.headers().status is Status.ERROR
        assert word in client.headers().fix
    net.say(url, good)
    assert (client.headers().status, client.slashes().status) == (Status.OK, Status.OK)


def test_the_push_gateway_must_answer(net: FakeOutside) -> None:
    with settings(diagnostics={"push_gateway": "https://push.example/notify"}):
        assert services.gateway().status is Status.ERROR
        net.say("https://push.example/notify", {}, 405)
        assert services.gateway().status is Status.OK
        net.say("https://push.example/notify", {}, 503)
        assert services.gateway().status is Status.ERROR


def test_the_mail_server_must_let_this_one_in() -> None:
    assert services.smtp().status is Status.SKIPPED
    with mail_server() as server, settings(mail=server.settings):
        assert services.smtp().status is Status.OK
        assert not server.mails
        gone = {**server.settings, "port": 1}
    with settings(mail=gone):
        assert services.smtp().status is Status.ERROR


@pytest.mark.django_db(transaction=True)
def test_a_proxy_that_cuts_waiting_requests_is_found_out(
    net: FakeOutside, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"https://matrix.hearth.example/_matrix/client/v3/sync?filter={client._NOTHING}"
    net.say(base, {"next_batch": "s1"})
    net.say(f"{base}&since=s1&timeout=65000", {}, 504)
    assert client.long_poll().status is Status.ERROR
    net.say(f"{base}&since=s1&timeout=65000", {"next_batch": "s2"})
    assert client.long_poll().status is Status.UNKNOWN, "it came at once"
    del net.pages[f"{base}&since=s1&timeout=65000"]
    assert "cut off" in client.long_poll().summary
    monkeypatch.setattr(client, "LONG_POLL_SECONDS", 0)
    net.say(f"{base}&since=s1&timeout=0", {"next_batch": "s2"})
    assert client.long_poll().status is Status.OK
