"""The addresses that settings name: where to listen, and which database to use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from appliance.config.schema import Config

_HOST_PORT = re.compile(r"^(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:/]+)):(?P<port>\d{1,5})$")

_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, not bound to)


class Listen(NamedTuple):
    """Somewhere to listen: a host and a port, or the path of a Unix socket."""

    host: str
    port: int
    path: str = ""

    def bind(self) -> str:
        """As gunicorn writes it."""
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def reached_at(self) -> Listen:
        """Where programs on this machine find it: one can listen on all addresses, and connect to one."""
        return self._replace(host=_REACHED_AT.get(self.host, self.host))


def parse_listen(text: str) -> Listen:
    """Reads host:port, [IPv6]:port or unix:/path; raises ValueError with a sentence."""
    if text.startswith("unix:"):
        if not text.startswith("unix:/"):
            raise ValueError(f"{text}: the path of a Unix socket must be absolute")
        return Listen("", 0, text.removeprefix("unix:"))
    match = _HOST_PORT.match(text)
    if not match or int(match["port"]) > 65535:
        raise ValueError(f"{text}: not host:port, [IPv6 address]:port or unix:/path")
    return Listen(match["six"] or match["host"], int(match["port"]))


def parse_ports(text: str) -> tuple[int, int]:
    """Reads low-high; raises ValueError with a sentence."""
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 1024 <= int(low) <= int(high) <= 65535):
        raise ValueError(f"{text} is not a range of ports such as 49152-49251")
    return int(low), int(high)


class DatabaseAddress(NamedTuple):
    """A parsed database URL. `name` is a file for SQLite."""

    engine: str
    name: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def django(self) -> dict[str, Any]:
        """The keys of Django's DATABASES that say where the database is."""
        if self.engine == "sqlite":
            return {"ENGINE": "matrix_app.storage.sqlite", "NAME": self.name}
        return {
            "ENGINE": "matrix_app.storage.postgresql",
            "NAME": self.name,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": self.port,
        }


def parse_database_url(url: str, folder: Path) -> DatabaseAddress:
    """Reads sqlite: and postgresql: URLs; a relative file starts at `folder`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        if parts.netloc or len(parts.path) < 2:
            raise ValueError("an SQLite URL is sqlite:///file, or sqlite:////absolute/file")
        return DatabaseAddress("sqlite", str(folder / unquote(parts.path[1:])))
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("the URL must begin with sqlite:/// or postgresql://")
    if len(parts.path) < 2:
        raise ValueError("the URL names no database: postgresql://user@host/name")
    return _postgresql(parts)


def _postgresql(parts: Any) -> DatabaseAddress:
    query = dict(parse_qsl(parts.query))
    return DatabaseAddress(
        "postgresql",
        unquote(parts.path[1:]),
        user=unquote(parts.username or query.pop("user", "")),
        password=unquote(parts.password or query.pop("password", "")),
        host=unquote(parts.hostname or query.pop("host", "")),
        port=str(parts.port or query.pop("port", "")),
        options=tuple(sorted(query.items())),
    )


def public_address(config: Config) -> str:
    """Where clients find the server, as far as the configuration says; without a slash at its end."""
    if config.server.public_baseurl:
        return config.server.public_baseurl.rstrip("/")
    return local_address(config) or f"http://{config.server.listen[0]}"


def local_address(config: Config) -> str:
    """Where a browser on this machine finds the server; empty when it listens on Unix sockets alone."""
    listening = (parse_listen(text) for text in config.server.listen)
    return next((f"http://{listen.reached_at().bind()}" for listen in listening if not listen.path), "")
