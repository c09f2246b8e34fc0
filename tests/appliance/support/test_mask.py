"""What belongs to people is taken out of texts, and what helps stays."""

from __future__ import annotations

import pytest

from appliance.support.mask import Masker


@pytest.mark.parametrize(
    "secret",
    [
        "alice.smith+matrix@mail.example.org",
        "@alice:example.org",
        "@alice=40x/y.z_-:example.org:8448",
        "#family:example.org",
        "!OGEhHVWSdvArJzumhm:matrix.org",
        "!KUzx8fPAb2f1vXYyvRqVJDzLLfQaFyWlwZ0BxSCTKcQ",
        "hearth_mGkcrAdHbJwK8PLZc_3yDd9nM1pVxqSWtLuQyYzR6sE",
        "syt_YWxpY2U_XxtGbSuPcKQwmeAjyRvh_1aB2c3",
        "+49 170 1234567",
        "8.8.8.8",
        "2001:4860:4860::8888",
        "https://user:pa55word@hooks.example/services/T000/B000/XXXX?token=1",
        "mxc://example.org/AQwafuaFswefuhsfAFAgsw",
        "/home/alice/hearth",
        "ABCD-EFGH-JKLM-N2QR",
    ],
)
def test_what_belongs_to_people_is_not_there_any_more(secret: str) -> None:
    for text in (secret, f"before {secret} after", f"({secret})", f'"{secret}"', f"key={secret},"):
        masked = Masker().text(text)
        private = secret.rpartition("//")[2] if "//" in secret else secret
        assert private not in masked, masked
        assert "alice" not in masked
        assert "pa55word" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "The certificate of matrix.example.org is valid for 60 days",
        "127.0.0.1:8008 answers",
        "[::1]:8008 and 192.168.1.2 are here",
        "at 12:30:45 it was 2026-11-27T10:00:00Z",
        "3 of 14 servers do not answer; see federation.queue",
        "install coturn, then run hearth reconfigure --dry-run",
        "PostgreSQL 15.5 (Debian 15.5-0+deb12u1)",
        "/usr/lib/hearth/appliance/config/sources.py:41",
    ],
)
def test_what_helps_stays_as_it_is(text: str) -> None:
    assert Masker().text(text) == text


def test_the_same_has_the_same_name_in_one_bundle_and_another_in_the_next() -> None:
    masker, other = Masker(), Masker()
    first, second = masker.text("@alice:a.example"), masker.text("again @alice:a.example")
    assert second == f"again {first}"
    assert first.endswith(":a.example")
    assert masker.text("@bob:a.example") != first
    assert other.text("@alice:a.example") != first


def test_names_stay_when_they_are_asked_for_and_nothing_else_does() -> None:
    masked = Masker(names=True).text("@alice:a.example in #family:a.example, alice@mail.example from 8.8.8.8")
    assert masked == "@alice:a.example in #family:a.example, (mail address) from (address)"


def test_texts_of_settings_are_not_quoted_in_any_spelling() -> None:
    masker = Masker(hidden={"smtp.family.example": "(mail.host)", "family": "(x)"})
    assert masker.text("Smtp.family.example refuses Family") == "(mail.host) refuses (x)"
    assert Masker(hidden={}).text("as it is") == "as it is"


def test_nothing_is_brought_back_by_marks_in_the_text() -> None:
    assert "\0" not in Masker().text("\x000\x00 @alice:a.example \x001\x00")
