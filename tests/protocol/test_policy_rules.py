"""Rules of moderation policy lists."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.policy_rules import BAN, TYPES, Rule, RuleKind, RuleSet, read_rule

names = st.text(alphabet="ab.*?", min_size=1, max_size=6)
plain = st.text(alphabet="ab.", min_size=1, max_size=6)
kinds = st.sampled_from(list(RuleKind))


def ban(kind: RuleKind, entity: str) -> Rule:
    return Rule(kind, entity, BAN, "")


def means(pattern: str, text: str) -> bool:
    """The appendices' globs, as a plain regular expression."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(sign, re.escape(sign)) for sign in pattern), text) is not None


@given(st.lists(st.tuples(kinds, names), max_size=8), plain, plain)
def test_a_set_finds_a_rule_exactly_when_one_of_its_rules_means_the_entity(
    given_rules: list[tuple[RuleKind, str]], localpart: str, server: str
) -> None:
    rules = [
        ban(
            kind,
            f"@{name}:{name}" if kind is RuleKind.USER else f"!{name}" if kind is RuleKind.ROOM else name,
        )
        for kind, name in given_rules
    ]
    found, user, room = RuleSet(rules), f"@{localpart}:{server}", f"!{localpart}"

    def by_hand(kind: RuleKind, text: str) -> bool:
        return any(rule.kind is kind and means(rule.entity, text) for rule in rules)

    assert (found.user_alone(user) is not None) == by_hand(RuleKind.USER, user)
    assert (found.room([room]) is not None) == by_hand(RuleKind.ROOM, room)
    # A dot at the end of a host means the same host.
    expected = by_hand(RuleKind.SERVER, server) or by_hand(RuleKind.SERVER, server.rstrip("."))
    assert (found.server(server) is not None) == expected
    assert (found.user(user) is not None) == (by_hand(RuleKind.USER, user) or expected)


@given(kinds, names)
def test_what_is_found_is_the_rule_itself(kind: RuleKind, name: str) -> None:
    rule = ban(kind, name)
    found = RuleSet([rule, ban(RuleKind.USER, "@x:y")])
    literal = name.replace("*", "").replace("?", "a")
    asked = {
        RuleKind.USER: found.user_alone(literal),
        RuleKind.ROOM: found.room([literal]),
        RuleKind.SERVER: found.server(literal),
    }
    assert asked[kind] in (rule, None)
    assert (asked[kind] is rule) == (
        means(name, literal) or (kind is RuleKind.SERVER and means(name, literal.rstrip(".")))
    )


@pytest.mark.parametrize("name", ["evil.example", "EVIL.example", "evil.example:8448", "evil.example."])
def test_a_server_is_meant_whatever_its_port_and_case(name: str) -> None:
    assert RuleSet([ban(RuleKind.SERVER, "Evil.Example")]).server(name) is not None


def test_a_rule_about_a_server_means_its_users() -> None:
    found = RuleSet([ban(RuleKind.SERVER, "*.evil.example")])
    assert found.user("@a:b.evil.example") is not None
    assert found.user_alone("@a:b.evil.example") is None
    assert found.user("@a:evil.example") is None


@pytest.mark.parametrize("event_type", list(TYPES))
def test_rules_of_every_type_are_read(event_type: str) -> None:
    content = {"entity": "x", "recommendation": "org.matrix.mjolnir.ban", "reason": 7}
    rule = read_rule(event_type, content)
    assert rule is not None
    assert (rule.kind, rule.is_ban, rule.reason) == (TYPES[event_type], True, "")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"entity": "x"},
        {"entity": "", "recommendation": BAN},
        {"entity": 3, "recommendation": BAN},
        {"entity": "x" * 1025, "recommendation": BAN},
        {"entity": "x", "recommendation": None},
        None,
        [],
    ],
)
def test_what_is_no_rule_is_left_out(content: Any) -> None:
    assert read_rule("m.policy.rule.user", content) is None


def test_other_recommendations_ban_nobody() -> None:
    rule = read_rule("m.policy.rule.user", {"entity": "@a:b", "recommendation": "org.example.applaud"})
    assert rule is not None
    assert RuleSet([rule]).user("@a:b") is None


def test_ten_thousand_rules_answer_quickly() -> None:
    rules = [ban(RuleKind.USER, f"@spam{number}:s{number}.example") for number in range(10_000)]
    rules += [ban(RuleKind.USER, f"@*{number}x*:*.example") for number in range(200)]
    found = RuleSet(rules)
    started = time.process_time()
    for number in range(1000):
        assert found.user_alone(f"@friend{number}:good.example") is None
    assert time.process_time() - started < 1
