"""The grammar of identifiers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import InvalidParam, InvalidUsername
from matrix_app.protocol.ids import (
    ServerName,
    domain_of,
    is_compliant_user_id,
    is_server_name,
    localpart_of,
    map_localpart,
    new_user_id,
    parse_device_id,
    parse_event_id,
    parse_media_id,
    parse_mxc,
    parse_namespaced_id,
    parse_opaque_id,
    parse_room_alias,
    parse_room_id,
    parse_server_name,
    parse_user_id,
)
from matrix_app.protocol.room_versions import V1, V3, V4, V12

HASH = "Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ"
VALID_SERVER_NAMES = [
    "matrix.org",
    "matrix.org:8888",
    "1.2.3.4",
    "1.2.3.4:1234",
    "[1234:5678::abcd]",
    "[1234:5678::abcd]:5678",
    "[::ffff:1.2.3.4]",
    "localhost",
    "MATRIX.org",
    "xn--bcher-kva.example",
    "example.org.",
    "a" * 255,
]
INVALID_SERVER_NAMES = [
    "",
    ":80",
    "a..b",
    ".",
    "..",
    ".example.org",
    "bücher.example",
    "exa mple.org",
    "example.org/",
    "under_score.example",
    "example.org:",
    "example.org:http",
    "example.org:123456",
    "example.org:65536",
    "example.org:\u0661",
    "example.org\n",
    "example.org\0",
    "256.1.1.1",
    "1.2.3.999:80",
    "1234:5678::abcd",
    "[1234:5678::abcd",
    "[12345::]",
    "[::1::]",
    "[fe80::1%eth0]",
    "[1.2.3.4]",
    "a" * 256,
]


@pytest.mark.parametrize("name", VALID_SERVER_NAMES)
def test_server_names_of_the_grammar_are_accepted_unchanged(name: str) -> None:
    assert parse_server_name(name) == name


@pytest.mark.parametrize("name", INVALID_SERVER_NAMES)
def test_other_server_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidParam):
        parse_server_name(name)


@pytest.mark.parametrize(
    "user_id",
    ["@alice:example.org", "@:example.org", "@Ünï code☃:[::1]:8448", "@a\tb\n:example.org", "@😀:e.org"],
)
def test_historical_user_ids_are_accepted(user_id: str) -> None:
    assert parse_user_id(user_id) == user_id


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        "alice",
        "@alice",
        "alice:example.org",
        "#alice:example.org",
        "@alice:",
        "@al\0ice:example.org",
        "@al:ice:example.org",
        "@alice:example.org\0",
        "@\ud800:example.org",
        "@" + "a" * 243 + ":example.org",
        "@" + "ä" * 122 + ":example.org",
    ],
)
def test_what_was_never_a_user_id_is_refused(user_id: str) -> None:
    with pytest.raises(InvalidParam):
        parse_user_id(user_id)


def test_the_limit_of_255_bytes_counts_bytes_and_includes_the_limit() -> None:
    longest = "@" + "ä" * 121 + "a:example.org"
    assert len(longest.encode()) == 256
    with pytest.raises(InvalidParam):
        parse_user_id(longest)
    assert parse_user_id(longest.replace("a:", ":"))


@pytest.mark.parametrize("localpart", ["alice", "a.b_c=d-e/f+0", "0"])
def test_new_user_ids_keep_to_the_current_grammar(localpart: str) -> None:
    user_id = new_user_id(localpart, ServerName("example.org"))
    assert user_id == parse_user_id(user_id, strict=True) == f"@{localpart}:example.org"


@pytest.mark.parametrize("localpart", ["", "Alice", "a b", "a:b", "ä", "a\n", "a*", "a" * 250])
def test_new_user_ids_beyond_the_current_grammar_are_refused(localpart: str) -> None:
    with pytest.raises(InvalidUsername):
        new_user_id(localpart, ServerName("example.org"))
    with pytest.raises(InvalidParam):
        parse_user_id(f"@{localpart}:example.org", strict=True)


def test_user_ids_with_empty_or_unprintable_localparts_are_not_compliant() -> None:
    assert is_compliant_user_id(parse_user_id("@Alice!~:example.org"))
    for localpart in ("", "a b", "ä", "\x7f"):
        assert not is_compliant_user_id(parse_user_id(f"@{localpart}:example.org"))


def test_the_suggested_mapping_of_localparts_is_that_of_the_appendices() -> None:
    assert map_localpart("Á#=x") == "=c3=81=23=3dx"
    assert map_localpart("á") == "=c3=a1"
    assert map_localpart("Big_Name") == "big_name"
    assert map_localpart("Big_Name", keep_case=True) == "_big___name"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_maps_to_a_localpart_of_the_current_grammar(name: str) -> None:
    assert re.fullmatch(r"[0-9a-z._=/+-]+", map_localpart(name))


@given(st.lists(st.text("aA_=", min_size=1), min_size=2, max_size=2, unique=True))
def test_mapping_that_keeps_case_never_maps_two_names_to_one(names: list[str]) -> None:
    assert map_localpart(names[0], keep_case=True) != map_localpart(names[1], keep_case=True)


@pytest.mark.parametrize("room_id", ["!abc:example.org", "!:example.org", "!a b☃:example.org", "!" + HASH])
def test_room_ids_have_a_domain_or_are_a_hash(room_id: str) -> None:
    assert parse_room_id(room_id) == room_id


@pytest.mark.parametrize(
    "room_id",
    ["", "!", "!abc", "!" + HASH[:-1], "!" + HASH + "x", "!+" + HASH[1:], "#abc:example.org", "!a\0:e.org"],
)
def test_other_room_ids_are_refused(room_id: str) -> None:
    with pytest.raises(InvalidParam):
        parse_room_id(room_id)


def test_room_aliases_always_have_a_domain() -> None:
    assert parse_room_alias("#Straße:example.org") == "#Straße:example.org"
    for alias in ("#room", "room:example.org", "#room:", "#ro\0om:example.org", "#" + "a" * 255 + ":e.org"):
        with pytest.raises(InvalidParam):
            parse_room_alias(alias)


def test_event_ids_are_opaque_while_the_room_version_is_unknown() -> None:
    for event_id in ("$abc:example.org", "$whatever", "$" + HASH):
        assert parse_event_id(event_id) == event_id
    for event_id in ("", "$", "abc", "$a\0", "$" + "a" * 255, "$" + "ä" * 128, "$\udc00"):
        with pytest.raises(InvalidParam):
            parse_event_id(event_id)


def test_event_ids_have_the_format_of_their_room_version() -> None:
    formats = {"$abc:example.org": {V1}, "$a+/" + "x" * 40: {V3}, "$a-_" + "x" * 40: {V4, V12}}
    for event_id, versions in formats.items():
        for rules in (V1, V3, V4, V12):
            if rules in versions:
                assert parse_event_id(event_id, rules) == event_id
            else:
                with pytest.raises(InvalidParam):
                    parse_event_id(event_id, rules)


def test_an_mxc_uri_has_a_server_name_and_a_media_id() -> None:
    mxc = parse_mxc("mxc://example.org:8448/AbC_-9")
    assert (mxc.server_name, mxc.media_id) == ("example.org:8448", "AbC_-9")
    assert str(mxc) == "mxc://example.org:8448/AbC_-9"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "mxc://",
        "mxc://example.org",
        "mxc://example.org/",
        "mxc:///abc",
        "http://example.org/abc",
        "mxc://127.0.0.1/../../../some_service/etc/passwd",
        "mxc://../passwd",
        "mxc://./passwd",
        "mxc://example.org/a/b",
        "mxc://example.org/a.b",
        "mxc://example.org/%2e%2e",
        "mxc://example.org/abc?x",
        "mxc://example.org/abc\n",
    ],
)
def test_mxc_uris_that_could_lead_elsewhere_are_refused(uri: str) -> None:
    with pytest.raises(InvalidParam):
        parse_mxc(uri)


def test_media_ids_stand_alone_too() -> None:
    assert parse_media_id("abc-_9") == "abc-_9"
    for media_id in ("", "..", "a/b", "a" * 256):
        with pytest.raises(InvalidParam):
            parse_media_id(media_id)


def test_opaque_identifiers_have_1_to_255_unreserved_characters() -> None:
    assert parse_opaque_id("aZ09-._~") == "aZ09-._~"
    assert parse_opaque_id("a" * 255)
    for value in ("", "a b", "a/b", "ä", "a" * 256, "a\n"):
        with pytest.raises(InvalidParam):
            parse_opaque_id(value)


def test_namespaced_identifiers_start_with_a_lower_case_letter() -> None:
    assert parse_namespaced_id("m.login.password") == "m.login.password"
    for value in ("", "M.x", "1a", ".a", "a b", "a" * 256):
        with pytest.raises(InvalidParam):
            parse_namespaced_id(value)


def test_device_ids_are_anything_short_without_nul() -> None:
    assert parse_device_id("Mein Gerät") == "Mein Gerät"
    for value in ("", "a\0", "a" * 256):
        with pytest.raises(InvalidParam):
            parse_device_id(value)


def test_the_domain_is_all_that_follows_the_first_colon() -> None:
    assert domain_of("@alice:[::1]:8448") == "[::1]:8448"
    assert localpart_of("@alice:[::1]:8448") == "alice"
    assert localpart_of("!" + HASH) == HASH
    with pytest.raises(InvalidParam):
        domain_of("!" + HASH)


@given(st.text(), st.sampled_from(VALID_SERVER_NAMES[:10]))
def test_a_user_id_is_either_refused_or_taken_apart_without_loss(localpart: str, domain: str) -> None:
    value = f"@{localpart}:{domain}"
    legal = not re.search("[:\0]", localpart) and len(value.encode("utf-8", "surrogatepass")) <= 255
    if legal and not re.search("[\ud800-\udfff]", localpart):
        user_id = parse_user_id(value)
        assert (localpart_of(user_id), domain_of(user_id)) == (localpart, domain)
    else:
        with pytest.raises(InvalidParam):
            parse_user_id(value)


@given(st.text())
def test_no_text_breaks_the_check_of_server_names(value: str) -> None:
    assert is_server_name(value) in {True, False}
    assert not (is_server_name(value) and re.search(r"[^0-9A-Za-z.:\[\]-]", value))
