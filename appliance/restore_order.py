"""What the setup page asked to be restored, and what came of it: files in the data folder.

They outlive the processes that are ended meanwhile. An order is written before anybody is told to end, and
is there until the restore has come to an end, good or bad; whichever server starts carries it out first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from matrix_app.protocol.said import plain

ORDER: Final = "restore-order.json"
OUTCOME: Final = "restore-outcome.json"
# Data lives longer than whoever reads what was made of it.
_MODE: Final = 0o600

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a restore ended. `error` is empty when it went well, and then the figures say what was done."""

    backup: str
    server_name: str
    token_hash: bytes
    ended_ts: int
    error: str = ""
    aside: str = ""
    lost_media: int = 0
    is_unproven: bool = False
    devices: int = 0
    servers: int = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A backup to be restored, the names that the server gets, and for whose browser.

    `setup_file` is what the file with the present names says, None where there is none. `outcome` is there
    once nothing is left but to let the server start.
    """

    backup: str
    server_name: str
    address: str
    token_hash: bytes
    ip: str
    asked_ts: int
    setup_file: str | None
    attempts: int = 0
    outcome: Outcome | None = None


def read_order(data_dir: Path) -> Order | None:
    """The order that is to be carried out, if any."""
    return _read(data_dir / ORDER, Order)


def write_order(data_dir: Path, order: Order) -> None:
    """Have a server that starts carry this out."""
    _write(data_dir / ORDER, order)


def forget_order(data_dir: Path) -> None:
    """There is nothing to be carried out any more."""
    (data_dir / ORDER).unlink(missing_ok=True)


def read_outcome(data_dir: Path) -> Outcome | None:
    """How the last restore ended, until `forget_outcome`."""
    return _read(data_dir / OUTCOME, Outcome)


def write_outcome(data_dir: Path, outcome: Outcome) -> None:
    """Keep how a restore ended for the page that waits for it."""
    _write(data_dir / OUTCOME, outcome)


def forget_outcome(data_dir: Path) -> None:
    """Whom it concerns has been told."""
    (data_dir / OUTCOME).unlink(missing_ok=True)


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def _write(file: Path, value: Order | Outcome) -> None:
    from appliance.backup.layout import write_whole

    write_whole(file, msgspec.json.encode(value, enc_hook=plain))
    file.chmod(_MODE)
