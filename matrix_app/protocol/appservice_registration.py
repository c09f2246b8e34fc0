"""The registration of an application service ("Registration" of the application service API)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from matrix_app.protocol.errors import InvalidParam

# Bridges written before version 1.13 use the proposal's names.
_LEGACY_EPHEMERAL = ("de.sorunome.msc2409.push_ephemeral", "push_ephemeral")


@dataclass(frozen=True, slots=True)
class Namespace:
    """IDs that an application service is interested in, or has for itself alone."""

    pattern: re.Pattern[str]
    exclusive: bool

    def matches(self, value: str) -> bool:
        """Whether an ID lies in the namespace: the expression matches from its beginning."""
        return self.pattern.match(value) is not None


@dataclass(frozen=True, slots=True)
class Appservice:
    """An application service as its registration file describes it."""

    id: str
    url: str | None
    as_token: str
    hs_token: str
    sender_localpart: str
    users: tuple[Namespace, ...]
    rooms: tuple[Namespace, ...]
    aliases: tuple[Namespace, ...]
    protocols: tuple[str, ...]
    receive_ephemeral: bool
    rate_limited: bool
    # Ephemeral data goes by the proposal's name too (MSC2409).
    legacy_ephemeral: bool = False
    # It does the encryption of its users: messages to devices and changes of keys come by transactions
    # (MSC3202, MSC4203).
    encrypts: bool = False

    def claims_user(self, user_id: str) -> bool:
        """Whether nobody else may have this user ID."""
        return any(space.exclusive and space.matches(user_id) for space in self.users)

    def claims_alias(self, alias: str) -> bool:
        """Whether nobody else may make this room alias."""
        return any(space.exclusive and space.matches(alias) for space in self.aliases)

    def may_act_as(self, user_id: str, server_name: str) -> bool:
        """Whether the user is its sender, or a local user of its namespaces."""
        if user_id == f"@{self.sender_localpart}:{server_name}":
            return True
        return user_id.endswith(f":{server_name}") and any(space.matches(user_id) for space in self.users)


def parse_registration(source: Any) -> Appservice:
    """The content of a registration file; raises `InvalidParam` with what is wrong."""
    if not isinstance(source, dict):
        raise InvalidParam("the file does not hold a mapping")
    namespaces = source.get("namespaces")
    if not isinstance(namespaces, dict):
        raise InvalidParam("namespaces is missing")
    url = source.get("url")
    if url is not None and not isinstance(url, str):
        raise InvalidParam("url must be text or null")
    return Appservice(
        id=_text(source, "id"),
        # Some programs write an empty address when they want no events.
        url=url.rstrip("/") or None if url else None,
        as_token=_text(source, "as_token"),
        hs_token=_text(source, "hs_token"),
        sender_localpart=_text(source, "sender_localpart"),
        users=_namespaces(namespaces, "users"),
        rooms=_namespaces(namespaces, "rooms"),
        aliases=_namespaces(namespaces, "aliases"),
        protocols=tuple(str(name) for name in source.get("protocols") or ()),
        receive_ephemeral=_receives_ephemeral(source),
        rate_limited=source.get("rate_limited") is not False,
        legacy_ephemeral=any(source.get(name) is True for name in _LEGACY_EPHEMERAL),
        encrypts=source.get("org.matrix.msc3202") is True,
    )


def _receives_ephemeral(source: dict[str, Any]) -> bool:
    return any(source.get(name) is True for name in ("receive_ephemeral", *_LEGACY_EPHEMERAL))


def _text(source: dict[str, Any], name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidParam(f"{name} must be text")
    return value


def _namespaces(source: dict[str, Any], name: str) -> tuple[Namespace, ...]:
    entries = source.get(name)
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise InvalidParam(f"namespaces.{name} must be a list")
    return tuple(_namespace(entry, name) for entry in entries)


def _namespace(entry: Any, name: str) -> Namespace:
    if not isinstance(entry, dict) or not isinstance(entry.get("regex"), str):
        raise InvalidParam(f"an entry of namespaces.{name} has no regex")
    try:
        pattern = re.compile(entry["regex"])
    except re.error as error:
        regex = entry["regex"]
        raise InvalidParam(f"namespaces.{name}: {regex!r} is no regular expression: {error}") from None
    return Namespace(pattern, entry.get("exclusive") is True)
