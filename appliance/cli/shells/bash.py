"""The script for bash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.cli.shells.words import Command, Values, commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCRIPT: Final = r"""# Completion of hearth in bash, as printed by: hearth completion bash

_hearth() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local place='' word options='' values='' kind=''
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case "$place $word" in
            *' -'*) ;;
            ' '*) place=$word ;;
@actions@
        esac
    done
    case $place in
@places@
    esac
    case "$place $previous" in
@options@
    esac
    case $kind in
        '') ;;
        files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        *) values+=" $("${COMP_WORDS[0]}" completion --values "$kind" 2>/dev/null)" ;;
    esac
    [[ $current != -* && -n ${values// /} ]] || values=$options
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
}

complete -F _hearth hearth ./hearth
"""


def script() -> str:
    """What bash is to read."""
    known = commands()
    places = [("", "--help --version", Values(tuple(one.name for one in known)))]
    places += [(place, _names(one), _merged(one)) for place, one in _walk(known)]
    lines = {
        "actions": [
            f"            '{one.name} '{action.name}) place='{one.name} {action.name}' ;;"
            for one in known
            for action in one.actions
        ],
        "places": [
            f"        '{place}') options='{options}' {_set(vals)} ;;" for place, options, vals in places
        ],
        "options": [line for place, one in _walk(known) for line in _after_options(place, one)],
    }
    text = _SCRIPT
    for name, made in lines.items():
        text = text.replace(f"@{name}@", "\n".join(made))
    return text


def _walk(known: Iterable[Command], above: str = "") -> Iterator[tuple[str, Command]]:
    for one in known:
        place = f"{above} {one.name}".strip()
        yield place, one
        yield from _walk(one.actions, place)


def _after_options(place: str, command: Command) -> Iterator[str]:
    for option in command.options:
        if option.values is not None:
            patterns = "|".join(f"'{place} {name}'" for name in option.names)
            yield f"        {patterns}) options='' {_set(option.values)} ;;"


def _names(command: Command) -> str:
    return " ".join(name for option in command.options for name in option.names if name.startswith("--"))


def _merged(command: Command) -> Values:
    """What any argument may be: which of them is typed is not counted."""
    if command.actions:
        return Values(tuple(action.name for action in command.actions))
    choices = dict.fromkeys(choice for values in command.arguments for choice in values.choices)
    return Values(tuple(choices), next((values.kind for values in command.arguments if values.kind), ""))


def _set(values: Values) -> str:
    return f"values='{' '.join(values.choices)}' kind='{values.kind}'"
