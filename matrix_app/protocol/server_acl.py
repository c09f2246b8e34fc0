"""Server access control lists of rooms (`m.room.server_acl`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from matrix_app.protocol.globs import Glob

_REMEMBERED: Final = 1024
_DOTTED_QUAD: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


class ServerAcl:
    """Which servers may take part in a room; lists and server names are compared without regard to case.

    A list may have thousands of entries and is asked about for every PDU, so answers are remembered.
    """

    __slots__ = ("_allow", "_allow_ip_literals", "_answers", "_deny")

    def __init__(
        self, allow: Iterable[str], deny: Iterable[str] = (), allow_ip_literals: bool = True
    ) -> None:
        self._allow = _HostPatterns(allow)
        self._deny = _HostPatterns(deny)
        self._allow_ip_literals = allow_ip_literals
        self._answers: dict[str, bool] = {}

    @classmethod
    def from_content(cls, content: Mapping[str, Any] | None) -> ServerAcl:
        """The list in the content of `m.room.server_acl`; None, for no such event, allows every server.

        An absent or malformed list is empty; `allow_ip_literals` is true unless it is false.
        """
        if content is None:
            return cls(["*"])
        return cls(
            _strings(content.get("allow")),
            _strings(content.get("deny")),
            content.get("allow_ip_literals") is not False,
        )

    def allows(self, server_name: str) -> bool:
        """Whether the server may send to the room and ask about it."""
        answer = self._answers.get(server_name)
        if answer is None:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            answer = self._answers[server_name] = self._decide(host_of(server_name.lower()))
        return answer

    def _decide(self, host: str) -> bool:
        # 2. An IP literal, and those are not allowed: deny. 3. In `deny`: deny. 4. In `allow`: allow.
        # 5. Otherwise, deny.
        if not self._allow_ip_literals and _is_ip_literal(host):
            return False
        return not self._deny.match(host) and self._allow.match(host)


class _HostPatterns:
    __slots__ = ("_exact", "_globs")

    def __init__(self, patterns: Iterable[str]) -> None:
        lowered = {pattern.lower() for pattern in patterns}
        self._globs = [Glob(pattern) for pattern in lowered if "*" in pattern or "?" in pattern]
        self._exact = frozenset(lowered)

    def match(self, host: str) -> bool:
        return host in self._exact or any(pattern.matches(host) for pattern in self._globs)


def _strings(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def host_of(server_name: str) -> str:
    """The host in a server name, as lists name it."""
    # The port must not be considered. The colons of an IPv6 literal stand inside its brackets. A trailing
    # dot leads to the same host, so it is no way around a list.
    if server_name.startswith("["):
        return server_name.partition("]")[0] + "]"
    return server_name.partition(":")[0].rstrip(".")


def _is_ip_literal(host: str) -> bool:
    return host.startswith("[") or _DOTTED_QUAD.fullmatch(host) is not None
