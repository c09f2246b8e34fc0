"""Options that several verbs have, in one wording."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_json(parser: ArgumentParser) -> None:
    """`--json`: what the verb has to say, for programs; faults stay sentences on the standard error."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")
