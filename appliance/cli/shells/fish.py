"""The script for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.cli.shells.words import FILES, Command, Option, Values, commands

if TYPE_CHECKING:
    from collections.abc import Iterator


def script() -> str:
    """What fish is to read."""
    lines = [
        "# Completion of hearth in fish, as printed by: hearth completion fish",
        "complete -c hearth -f",
        _line("__fish_use_subcommand", "-l version", "print the version"),
    ]
    for verb in commands():
        lines.append(_line("__fish_use_subcommand", f"-a {verb.name}", verb.help))
        lines += _of(verb, f"__fish_seen_subcommand_from {verb.name}")
    return "\n".join(lines) + "\n"


def _of(command: Command, condition: str) -> Iterator[str]:
    names = " ".join(action.name for action in command.actions)
    for action in command.actions:
        yield _line(
            f"{condition}; and not __fish_seen_subcommand_from {names}", f"-a {action.name}", action.help
        )
        yield from _of(action, f"{condition}; and __fish_seen_subcommand_from {action.name}")
    for option in command.options:
        yield _line(condition, _switch(option), option.help)
    for values in command.arguments:
        if offered := _offered(values):
            yield _line(condition, offered, "")


def _switch(option: Option) -> str:
    long = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    return long if option.values is None else f"{long} -r {_offered(option.values)}".rstrip()


def _offered(values: Values) -> str:
    if values.choices:
        return f"-a '{' '.join(values.choices)}'"
    if values.kind == FILES:
        return "-F"
    return f"-a '(hearth completion --values {values.kind} 2>/dev/null)'" if values.kind else ""


def _line(condition: str, what: str, told: str) -> str:
    described = f" -d {_quoted(told)}" if told else ""
    return f"complete -c hearth -n {_quoted(condition)} {what}{described}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
