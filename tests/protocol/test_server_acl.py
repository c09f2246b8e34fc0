import pytest

from matrix_app.protocol.server_acl import ServerAcl


def acl(**content):
    return ServerAcl.from_content(content)


def test_without_an_acl_every_server_is_allowed():
    every = ServerAcl.from_content(None)
    assert every.allows("example.org")
    assert every.allows("1.2.3.4:8448")


def test_an_empty_acl_denies_every_server():
    assert not acl().allows("example.org")


@pytest.mark.parametrize(
    "server", ["evil.com", "evil.com:8448", "EVIL.com:1234", "evil.com.", "sub.worse.org", "a1.net"]
)
def test_denied_servers_are_denied_whatever_their_port_and_case(server):
    assert not acl(allow=["*"], deny=["Evil.com", "*.worse.org", "a?.net"]).allows(server)


@pytest.mark.parametrize("server", ["evil.com.good.org", "worse.org", "notevil.com", "a12.net"])
def test_patterns_match_whole_names(server):
    assert acl(allow=["*"], deny=["evil.com", "*.worse.org", "a?.net"]).allows(server)


def test_deny_goes_before_allow():
    assert not acl(allow=["a.org"], deny=["a.org"]).allows("a.org")


def test_servers_that_are_not_listed_are_denied():
    assert not acl(allow=["*.example.org"]).allows("example.com")


@pytest.mark.parametrize("literal", ["1.2.3.4", "1.2.3.4:8448", "01.2.3.004", "[::1]", "[2001:db8::1]:8448"])
def test_ip_literals_can_be_denied(literal):
    assert not acl(allow=["*"], allow_ip_literals=False).allows(literal)
    assert acl(allow=["*"], allow_ip_literals=True).allows(literal)
    assert acl(allow=["*"], allow_ip_literals="false").allows(literal)
    assert acl(allow=["*"]).allows(literal)


def test_names_that_only_look_like_addresses_are_no_ip_literals():
    assert acl(allow=["*"], allow_ip_literals=False).allows("1.2.3.4.example.org")
    assert acl(allow=["*"], allow_ip_literals=False).allows("1.2.3.x4")


def test_an_ipv6_literal_is_matched_without_its_port():
    assert not acl(allow=["*"], deny=["[2001:DB8::1]"]).allows("[2001:db8::1]:8448")


def test_malformed_lists_are_empty():
    assert not acl(allow="*").allows("example.org")
    assert not acl(allow={"*": 1}).allows("example.org")
    assert acl(allow=[1, None, "*"], deny="example.org").allows("example.org")


def test_a_flood_of_names_does_not_change_the_answers():
    room = acl(allow=["*.org"], deny=["bad.org"])
    for number in range(3000):
        assert room.allows(f"s{number}.org")
    assert not room.allows("bad.org")
