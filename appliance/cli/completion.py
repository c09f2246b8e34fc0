"""`hearth completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

SHELLS: Final = ("bash", "zsh", "fish")
MOST_USERS: Final = 500


def add_arguments(parser: ArgumentParser) -> None:
    """For which shell."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("shell", nargs="?", choices=SHELLS, help="the shell that is to read it")
    what.add_argument(
        "--values",
        choices=list(_VALUES),
        help="print what there is of a kind, a name a line, as the scripts ask for it",
    )
    parser.epilog = (
        "The packages bring it along. Otherwise: hearth completion bash "
        ">~/.local/share/bash-completion/completions/hearth; hearth completion zsh >_hearth in a folder of "
        "$fpath; hearth completion fish >~/.config/fish/completions/hearth.fish"
    )


def run(arguments: Namespace) -> int:
    """Prints the script, or the values."""
    if arguments.values:
        print("\n".join(_VALUES[arguments.values]()))
        return 0
    from appliance.cli.shells import bash, fish, zsh

    scripts = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
    print(scripts[arguments.shell](), end="")
    return 0


def _backups() -> Iterable[str]:
    from appliance.backup.layout import stored_backups
    from appliance.config import get_config

    return [one.manifest.id for one in stored_backups(get_config().backup.dir)]


def _checks() -> Iterable[str]:
    from appliance.diagnostics.registry import all_checks

    known = all_checks()
    return [*dict.fromkeys(check.group for check in known.values()), *known]


def _users() -> Iterable[str]:
    import django

    django.setup()
    from matrix_app.storage import account_list

    found = account_list.page(kind="active", search="", sort="name", after=None, limit=MOST_USERS)
    return [row.user_id.partition(":")[0].removeprefix("@") for row in found]


_VALUES: Final = {"backups": _backups, "checks": _checks, "users": _users}
