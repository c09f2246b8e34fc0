"""Finds the verb's module and runs it. Each verb is imported only when it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from appliance.cli.faults import FAILED, told
from appliance.cli.parser import refuse_verb
from appliance.cli.progress import leave
from appliance.cli.verbs import VERBS, Needs, Verb, verb_named
from appliance.unused import leave_out

leave_out()


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb; the result is the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    given = sys.argv[1:] if arguments is None else arguments
    verb = verb_named(given[0]) if given else None
    if verb is not None:
        return _run(verb, verb.parser().parse_args(given[1:]), given)
    if given and not given[0].startswith("-"):
        return refuse_verb(given[0], [verb.name for verb in VERBS])
    _overview().parse_args(given or ["--help"])
    return 0


def _run(verb: Verb, arguments: Any, given: list[str]) -> int:
    try:
        if why := _refused(verb, given):
            print(why, file=sys.stderr)
            return FAILED
        return verb.runner()(arguments)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (KeyboardInterrupt, Exception) as fault:
        found = told(fault, given)
        if found is None:
            raise
        leave()
        print(found.sentence, file=sys.stderr)
        return found.code


def _refused(verb: Verb, given: list[str]) -> str | None:
    """Make ready what the verb needs; why it may not be run by this user."""
    if verb.needs == Needs.NOTHING or verb.is_server:
        return None
    from appliance.cli.log import set_up_logging_of_verbs
    from appliance.cli.permission import refusal
    from appliance.config import get_config

    config = get_config()
    set_up_logging_of_verbs(config.logging)
    return refusal(config, given) if verb.needs == Needs.DATA else None


def _overview() -> argparse.ArgumentParser:
    from appliance.version import VERSION

    verbs = "\n".join(f"  {verb.name:<15} {verb.summary}" for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog="hearth",
        usage="hearth VERB [OPTIONS]",
        description="Hearth, a Matrix homeserver for people who host their own.",
        epilog=f"verbs:\n{verbs}\n\nhearth VERB --help tells more of a verb.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Hearth {VERSION}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
