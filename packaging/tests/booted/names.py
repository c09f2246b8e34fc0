"""TLS: Caddy with an authority of its own, for both names and at the port for other servers."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from typing import Any

from booted.machine import AUTHORITY, HOST, NAME, SECONDS, tell, wait_for


def trust() -> ssl.SSLContext:
    """Whoever trusts Caddy's own authority, and nobody else."""
    return ssl.create_default_context(cafile=AUTHORITY)


def get(url: str) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=SECONDS, context=trust()) as answer:
        return json.load(answer)


def check_names() -> None:
    """What clients and other servers ask for first."""
    began = time.monotonic()
    wait_for("Caddy has an authority", AUTHORITY.exists)
    wait_for("Caddy has certificates", has_certificates)
    server = get(f"https://{NAME}/.well-known/matrix/server")
    assert server == {"m.server": f"{HOST}:443"}, server
    client = get(f"https://{NAME}/.well-known/matrix/client")
    assert client["m.homeserver"]["base_url"].rstrip("/") == f"https://{HOST}", client
    assert get(f"https://{HOST}/_matrix/client/versions")["versions"]
    for name in (NAME, HOST):
        assert get(f"https://{name}:8448/_matrix/key/v2/server")["server_name"] == NAME
    tell("Caddy with an authority of its own serves both names and port 8448", began)


def has_certificates() -> bool:
    """It makes them in the background after it has started."""
    try:
        get(f"https://{NAME}:8448/_matrix/key/v2/server")
        get(f"https://{HOST}/_matrix/client/versions")
    except (urllib.error.URLError, OSError):
        return False
    return True
