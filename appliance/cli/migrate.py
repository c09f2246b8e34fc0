"""`hearth migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.database import migrate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Takes none."""


def run(_arguments: Namespace) -> int:
    """Brings the database up to date, and says what it did."""
    applied = migrate()
    print(f"applied {applied} migrations" if applied else "the database is up to date")
    return 0
