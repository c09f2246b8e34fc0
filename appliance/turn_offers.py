"""Which addresses of TURN servers clients are told: those over TLS only where coturn has a certificate."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.certificates import Facts, NoCertificate, facts_of
from appliance.turn_certificate import NOBODY
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from appliance.config.sections.calls import Turn


def offered_uris(turn: Turn) -> list[str]:
    """The addresses of the TURN servers without those over TLS for which coturn has no certificate.

    Of servers elsewhere (`turn.certificate_file` is not set) nothing is known, so all are offered.
    """
    return [uri for uri in turn.uris if not why_withheld(turn, uri)]


def why_withheld(turn: Turn, uri: str) -> str:
    """Why clients are not told of an address, in a sentence; empty when they are."""
    if not uri.startswith("turns:") or turn.certificate_file is None:
        return ""
    try:
        facts = _facts(turn.certificate_file)
    except (OSError, NoCertificate) as fault:
        return f"{turn.certificate_file}: {fault.strerror if isinstance(fault, OSError) else fault}"
    host = host_of(uri)
    if NOBODY in facts.names:
        return said("coturn has no certificate for {host} yet", host=host)
    if not facts.covers(host):
        return said(
            "The certificate of coturn is for {names}, and not for {host}",
            names=", ".join(facts.names) or said("nobody"),
            host=host,
        )
    return "" if facts.is_valid(time.time()) else said("The certificate of coturn has expired")


def host_of(uri: str) -> str:
    """The host in the address of a TURN server."""
    place = uri.partition(":")[2].partition("?")[0]
    host, separator, port = place.rpartition(":")
    return (host if separator and port.isdecimal() else place).strip("[]")


def _facts(file: Path) -> Facts:
    status = file.stat()
    return _facts_of(file, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=4)
def _facts_of(file: Path, _changed_ns: int, _inode: int) -> Facts:
    return facts_of(file.read_text(encoding="ascii", errors="replace"))
