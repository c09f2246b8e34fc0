"""The Authorization header of requests between servers, and what it signs."""

from __future__ import annotations

import re

import pytest
import signedjson.key
import signedjson.sign
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import Unauthorized
from matrix_app.protocol.signing import SigningKey, verify_bytes
from matrix_app.protocol.unpadded_base64 import encode_base64
from matrix_app.protocol.x_matrix import XMatrix, parse_x_matrix, request_bytes, sign_request
from tests.protocol.test_canonical_json import canonical_values

KEY = SigningKey("key1", b"\x03" * 32)
PLAIN = XMatrix("origin.hs.example.com", "destination.hs.example.com", "ed25519:key1", "ABCDEF")

token_text = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z:/=\[\]-]+", fullmatch=True)
any_text = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), min_size=1)
blank = st.sampled_from(["", " ", "\t", "  \t "])


def quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, XMatrix]:
    """A header as any server may write it, and what it says."""
    values = {name: draw(any_text) for name in ("origin", "destination", "key", "sig")}
    wanted = XMatrix(values["origin"], values["destination"], values["key"], values["sig"])
    values |= draw(st.dictionaries(st.sampled_from(["future", "nonce", "x"]), any_text))
    parameters = []
    for name in draw(st.permutations(list(values))):
        value = values[name]
        bare = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z:-]+", value) and draw(st.booleans())
        spelled = draw(st.sampled_from([name, name.upper(), name.title()]))
        parameters.append(f"{spelled}={value if bare else quoted(value)}")
    comma = draw(blank) + "," + draw(blank)
    scheme = draw(st.sampled_from(["X-Matrix ", "x-matrix ", "X-MATRIX   "]))
    return scheme + comma.join(parameters), wanted


@given(headers())
def test_every_spelling_that_the_grammar_allows_is_read(header: tuple[str, XMatrix]) -> None:
    text, wanted = header
    assert parse_x_matrix(text) == [wanted]


@given(st.text(max_size=200) | st.text('xX-matrix =",\\ab\t', max_size=60).map("X-Matrix ".__add__))
def test_anything_else_is_refused_and_nothing_worse(text: str) -> None:
    try:
        found = parse_x_matrix(text)
    except Unauthorized:
        return
    assert all(item.origin and item.key_id and item.signature for item in found)


def test_the_example_of_the_specification() -> None:
    text = (
        'X-Matrix origin="origin.hs.example.com",destination="destination.hs.example.com",'
        'key="ed25519:key1",sig="ABCDEF"'
    )
    assert parse_x_matrix(text) == [PLAIN]


def test_values_with_colons_need_no_quotes() -> None:
    assert parse_x_matrix("X-Matrix origin=[::1]:8448,key=ed25519:key1,sig=AB+/c=") == [
        XMatrix("[::1]:8448", None, "ed25519:key1", "AB+/c=")
    ]


def test_several_headers_joined_by_commas_are_several_credentials() -> None:
    one = "X-Matrix origin=a,key=ed25519:1,sig=A"
    other = 'X-Matrix origin="a",key="ed25519:2",sig="B"'
    assert [item.key_id for item in parse_x_matrix(f"{one},{other}")] == ["ed25519:1", "ed25519:2"]


def test_the_signature_may_have_its_long_name() -> None:
    (long,) = parse_x_matrix('X-Matrix origin=a,destination=b,key="ed25519:1",signature="AB"')
    assert long == XMatrix("a", "b", "ed25519:1", "AB")
    (both,) = parse_x_matrix('X-Matrix origin=a,key="ed25519:1",signature="AB",sig="CD"')
    assert both.signature == "CD"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer abc",
        "X-Matrix",
        "X-Matrixorigin=a,key=b,sig=c",
        "X-Matrix origin=a,key=b",
        'X-Matrix origin="",key=b,sig=c',
        "X-Matrix origin=a,origin=b,key=b,sig=c",
        'X-Matrix origin="a,key=b,sig=c',
        'X-Matrix origin="a"key="b",sig="c"',
        "X-Matrix origin=a,key=b,sig=c,Bearer abc",
        "X-Matrix origin=a,key=b,sig=" + "c" * 20_000,
    ],
)
def test_headers_that_say_too_little_or_too_much_are_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        parse_x_matrix(text)


@given(st.dictionaries(st.text(max_size=5), canonical_values), st.booleans(), st.booleans())
def test_what_is_signed_is_the_canonical_json_of_the_whole_request(
    content: dict[str, object], with_content: bool, with_destination: bool
) -> None:
    whole: dict[str, object] = {"method": "PUT", "uri": "/_matrix/x?a=\u00e4&b=%20", "origin": "a.example"}
    if with_content:
        whole["content"] = content
    if with_destination:
        whole["destination"] = "b.example"
    made = request_bytes(
        "PUT",
        str(whole["uri"]),
        "a.example",
        "b.example" if with_destination else None,
        encode_canonical(content) if with_content else None,
    )
    assert made == encode_canonical(whole)


def test_a_header_made_here_carries_the_signature_that_signedjson_makes() -> None:
    whole = {
        "method": "PUT",
        "uri": "/target?x=1",
        "origin": "a.example",
        "destination": "b.example",
        "content": {"hello": [1]},
    }
    reference = signedjson.key.decode_signing_key_base64("ed25519", "key1", encode_base64(KEY.seed))
    signed = signedjson.sign.sign_json(dict(whole), "a.example", reference)
    header = sign_request("PUT", "/target?x=1", "a.example", "b.example", b'{"hello":[1]}', KEY)
    (read,) = parse_x_matrix(header)
    assert read.signature == signed["signatures"]["a.example"]["ed25519:key1"]
    verify_bytes(read.signature, encode_canonical(whole), KEY.verify_key)
