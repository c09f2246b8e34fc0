"""What may follow what on the command line, as data that each shell's script is written from."""

from __future__ import annotations

import argparse
from typing import Final, NamedTuple

from appliance.cli.parser import actions_below
from appliance.cli.verbs import VERBS

FILES: Final = "files"
# What a metavar of an argument stands for: files of the disk, or what `hearth completion --values` prints.
_KINDS: Final = {"FILE": FILES, "BACKUP": "backups", "CHECK": "checks", "USER": "users"}


class Values(NamedTuple):
    """What an argument may be: some words, or things of a kind; neither where nobody can know."""

    choices: tuple[str, ...] = ()
    kind: str = ""


class Option(NamedTuple):
    """An option, with what follows it; None for one that stands alone."""

    names: tuple[str, ...]
    help: str
    values: Values | None


class Command(NamedTuple):
    """A verb, or an action of one: what is offered once it has been typed."""

    name: str
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Values, ...]
    actions: tuple[Command, ...] = ()


def commands() -> list[Command]:
    """Every verb."""
    return [_command(verb.name, verb.summary, verb.parser()) for verb in VERBS]


def _command(name: str, summary: str, parser: argparse.ArgumentParser) -> Command:
    below = actions_below(parser)
    actions = tuple(_command(name, one.description or "", one) for name, one in below.items())
    plain = [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]
    options = tuple(_option(one) for one in plain if one.option_strings and one.help != argparse.SUPPRESS)
    arguments = tuple(_values(one) for one in plain if not one.option_strings)
    return Command(name, summary, options, arguments, actions)


def _option(action: argparse.Action) -> Option:
    values = None if action.nargs == 0 else _values(action)
    return Option(tuple(action.option_strings), _first_clause(action.help or ""), values)


def _first_clause(text: str) -> str:
    return text.partition(";")[0].partition(" (")[0]


def _values(action: argparse.Action) -> Values:
    if action.choices is not None:
        return Values(tuple(str(choice) for choice in action.choices))
    return Values(kind=_KINDS.get(str(action.metavar), ""))
