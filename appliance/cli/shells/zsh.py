"""The script for zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.cli.shells.words import FILES, Command, Option, Values, commands

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCRIPT: Final = r"""#compdef hearth
# Completion of hearth in zsh, as printed by: hearth completion zsh

_hearth_values() {
    local -a found
    found=(${(f)"$(hearth completion --values $1 2>/dev/null)"})
    compadd -a found
}

@functions@

if [[ $funcstack[1] == _hearth ]]; then
    _hearth "$@"
else
    compdef _hearth hearth
fi
"""


_CHOOSER: Final = r"""@name@() {
    local context state line
    local -a known
    known=(
@described@
    )
    _arguments -C '1: :->what' '*:: :->rest'
    case $state in
        what) _describe hearth known ;;
        rest) case $words[1] in
@cases@
        esac ;;
    esac
}"""


def script() -> str:
    """What zsh is to read."""
    return _SCRIPT.replace("@functions@", "\n\n".join(_chooser("_hearth", commands())))


def _chooser(name: str, known: Sequence[Command]) -> list[str]:
    """A function that offers commands and, after one of them, what that takes; and those it calls."""
    described = "\n".join(f"        {_quoted(f'{one.name}:{one.help}')}" for one in known)
    cases = "\n".join(f"            {one.name}) {_function(name, one)} ;;" for one in known)
    text = _CHOOSER.replace("@name@", name).replace("@described@", described).replace("@cases@", cases)
    return [text, *(part for one in known for part in _taker(name, one))]


def _taker(above: str, command: Command) -> list[str]:
    """A function that offers what a command takes."""
    name = _function(above, command)
    if command.actions:
        return _chooser(name, command.actions)
    specs = [_option(option) for option in command.options]
    specs += [
        f"*: :{_action(values)}" if values.kind == "checks" else f": :{_action(values)}"
        for values in command.arguments
    ]
    lines = " \\\n".join(f"        {_quoted(spec)}" for spec in specs)
    return [f"{name}() {{\n    _arguments \\\n{lines}\n}}"]


def _function(above: str, command: Command) -> str:
    return f"{above}_{command.name.replace('-', '_')}"


def _option(option: Option) -> str:
    name = option.names[-1]
    told = option.help.translate({ord(char): f"\\{char}" for char in "[]:\\"})
    return f"{name}[{told}]" + ("" if option.values is None else f": :{_action(option.values)}")


def _action(values: Values) -> str:
    if values.choices:
        return f"({' '.join(values.choices)})"
    if values.kind == FILES:
        return "_files"
    # The blank keeps zsh from putting words of its own between the two.
    return f" _hearth_values {values.kind}" if values.kind else " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
