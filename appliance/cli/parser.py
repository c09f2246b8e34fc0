"""Reading arguments: as argparse does, and what is misspelt is told with what was probably meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

# An exit code, as of argparse: the command was not understood.
MISUSED = 2


class Parser(argparse.ArgumentParser):
    """The parser of a verb, or of one of its actions."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, with a hint for options that do not exist."""
        found, extra = self.parse_known_args(args, namespace)
        if extra:
            self.error(f"{extra[0]} is not understood here{_meant(extra[0], self._options())}")
        return found

    def error(self, message: str) -> NoReturn:
        """Tell how it is used and what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(MISUSED, f"{self.prog}: {message}\n{self.prog} --help tells more.\n")

    def _options(self) -> list[str]:
        found = [option for action in self._actions for option in action.option_strings]
        for below in actions_below(self).values():
            found += below._options()
        return found

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            meant = _meant(str(value), known) or f": it may be {', '.join(known)}"
            raise argparse.ArgumentError(action, f"there is no {value}{meant}")


def actions_below(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    """The parsers of the actions that a verb has, by their names; empty for a verb without actions."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def refuse_verb(given: str, known: Sequence[str]) -> int:
    """Tell that there is no such verb, and which one was probably meant; the exit code."""
    print(f"hearth: there is no verb {given}{_meant(given, known)}", file=sys.stderr)
    print("hearth --help lists them.", file=sys.stderr)
    return MISUSED


def _meant(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given.partition("=")[0], list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""
