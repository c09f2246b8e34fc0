"""Networks for the checks of the diagnostics: one in which nothing answers, and ones that tests fill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.test import override_settings

from appliance.diagnostics.name_servers import DnsAnswer
from appliance.diagnostics.outside import Certificate, NoAnswer, Page


class FakeOutside:
    """What is in these fields answers."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.records: dict[str, list[str]] = {}
        # What name servers say: by name, kind and server ("" is that of the machine, "…!" without checks).
        self.answers: dict[tuple[str, str, str], DnsAnswer] = {}
        self.pages: dict[str, Page] = {}
        self.certificates: dict[str, Certificate] = {}
        self.listening: set[str] = set()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def say(self, url: str, content: Any, status: int = 200, **headers: str) -> None:
        """Answer with JSON at an address."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[url] = Page(status, names, orjson.dumps(content))

    def addresses(self, host: str) -> list[str]:
        return self.names.get(host, [])

    def services(self, name: str) -> list[str]:
        return self.records.get(name, [])

    def dns(self, name: str, kind: str, *, server: str = "", unchecked: bool = False) -> DnsAnswer:
        found = self.answers.get((name, kind, f"{server}!")) if unchecked else None
        found = found or self.answers.get((name, kind, server))
        if found is None:
            raise NoAnswer(f"no name server answers for {name}")
        return found

    def page(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 5.0,
    ) -> Page:
        self.asked.append((method, url, headers or {}, body))
        if url not in self.pages:
            raise NoAnswer(f"{url} gives no answer")
        return self.pages[url]

    def certificate(self, host: str, port: int, name: str) -> Certificate:
        if f"{host}:{port}" not in self.certificates:
            raise NoAnswer(f"{host}:{port} speaks no TLS")
        return self.certificates[f"{host}:{port}"]

    def connects(self, host: str, port: int) -> bool:
        return f"{host}:{port}" in self.listening


nowhere = FakeOutside()
somewhere = FakeOutside()


@contextmanager
def fake_outside() -> Iterator[FakeOutside]:
    """A network of the test's own."""
    somewhere.__init__()  # type: ignore[misc]
    with override_settings(DIAGNOSTICS_OUTSIDE="tests.factories.outside.somewhere"):
        yield somewhere
