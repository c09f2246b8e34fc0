"""Visits to every page of a filled server, with every filter, order, tab and search that the page offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.db import connection
from django.test import Client
from selectolax.lexbor import LexborHTMLParser as Html
from selectolax.lexbor import LexborNode as Node

from matrix_app.storage import db
from tests.filled.addresses import all_addresses
from tests.filled.answers import Answer, answers
from tests.filled.filling import Filled
from tests.filled.spent import Spent, Stopwatch

# What is searched for: much, and nothing.
SEARCHES = ("a", "nobody is called so")


class Visited(NamedTuple):
    """A page: its address, what each visit took, and the statements of the one with the fewest.

    Now and then a visit notes that its session is in use.
    """

    address: str
    spent: list[Spent]
    statements: int

    @property
    def best(self) -> Spent:
        """The visit that took the least, but for waiting until a processor was free."""
        return min(self.spent, key=lambda one: one.own_seconds)


class Visitor:
    """The owner, signed in everywhere, in this process and without a network."""

    def __init__(
        self, filled: Filled, runs: int = 1, only: str = "", *, budget: float = 0.0, most_runs: int = 0
    ) -> None:
        """A page whose best visit takes longer than a budget is visited up to `most_runs` times."""
        self._filled = filled
        self._runs = runs
        self._only = only
        self._budget = budget
        self._most_runs = most_runs
        self._stopwatch = Stopwatch()
        self._client = Client()
        for area, token in filled.tokens.items():
            self._client.cookies[f"hearth_{area}"] = token

    def visits(self) -> Iterator[Visited]:
        """Every page, and then what it leads to by its own links and forms; each is opened once before.

        At the end, what would be done with those that were chosen from a list.
        """
        for address in all_addresses(self._filled):
            first = self.page(address.path) if address.path.startswith(self._only) else None
            if first is None:
                continue
            yield self._visited(address.path)
            done = {address.path}
            for variant in variants(first, address.path):
                yield from self._others(variant, done)
        for answer in answers(self._filled):
            if answer.is_preview and answer.path.startswith(self._only):
                self._open(answer.path, answer)
                yield self._visited(answer.path, answer)

    def _others(self, address: str, done: set[str]) -> Iterator[Visited]:
        """A view of a page, and the page of its list that follows, as far as they were not visited."""
        if address in done:
            return
        done.add(address)
        shown = self.page(address)
        assert shown is not None, f"{address} is no page"
        yield self._visited(address)
        for link in shown.css("a[rel=next]"):
            following = _beside(address, str(link.attributes["href"]))
            if following not in done:
                done.add(following)
                self._open(following, None)
                yield self._visited(following)

    def page(self, address: str) -> Html | None:
        """A page, if it is one."""
        answer = self._client.get(address)
        is_page = answer.status_code == 200 and answer["content-type"].startswith("text/html")
        assert is_page or answer.status_code in (200, 303, 404, 409), (
            f"{address} came with {answer.status_code}"
        )
        return Html(answer.content) if is_page else None

    def _visited(self, address: str, sent: Answer | None = None) -> Visited:
        """What the visits take to a page that has been opened before."""
        found = Visited(address, [], 1 << 30)
        while len(found.spent) < self._runs or self._may_be_faster(found):
            with counted() as ran, self._stopwatch.running() as spent:
                self._open(address, sent)
            found = Visited(address, [*found.spent, *spent], min(found.statements, len(ran)))
        return found

    def _open(self, address: str, sent: Answer | None) -> None:
        if sent is None:
            self._client.get(address)
        else:
            answer = self._client.post(address, dict(sent.fields))
            assert answer.status_code == 200, f"{sent.action} was answered with {answer.status_code}"

    def _may_be_faster(self, found: Visited) -> bool:
        return found.best.own_seconds > self._budget and len(found.spent) < self._most_runs


def variants(page: Html, address: str) -> Iterator[str]:
    """The addresses that a page has for other views of itself."""
    for link in page.css('main a[href^="?"]'):
        yield _beside(address, str(link.attributes["href"]))
    for form in page.css("main form"):
        if form.attributes.get("method") == "get" and not form.attributes.get("action"):
            yield from _of_form(form, address)


def _of_form(form: Node, address: str) -> Iterator[str]:
    for choice in form.css("select"):
        name = str(choice.attributes["name"])
        for option in choice.css("option"):
            value = option.attributes.get("value")
            yield _with(address, {name: option.text(strip=True) if value is None else value})
    for field in form.css("input"):
        if field.attributes.get("type", "text") in ("text", "search"):
            for search in SEARCHES:
                yield _with(address, {str(field.attributes["name"]): search})


def _beside(address: str, query: str) -> str:
    return f"{address.partition('?')[0]}{query}"


def _with(address: str, changes: dict[str, str]) -> str:
    path, _, query = address.partition("?")
    return f"{path}?{urlencode({**dict(parse_qsl(query)), **changes})}"


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are run, by `storage.db` and by Django's models alike."""
    ran: list[str] = []

    def of_models(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        ran.append(sql)
        return execute(sql, params, many, context)

    before = db.statement_observer
    db.statement_observer = lambda sql, _params: ran.append(sql)
    try:
        with connection.execute_wrapper(of_models):
            yield ran
    finally:
        db.statement_observer = before
