"""`hearth reset-2fa`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from appliance.cli.account import add_user, user_id_of
from appliance.cli.options import add_json
from appliance.database import require_current

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Whose second factor."""
    add_user(parser)
    add_json(parser)
    parser.epilog = (
        "For somebody who has lost their authenticator app, recovery codes and passkeys: the password is "
        "enough to sign in to the pages until they set up another. The audit log has an entry of it."
    )


def run(arguments: Namespace) -> int:
    """Removes the second factor, and says whose."""
    require_current()
    from matrix_app.services.administer_account import account_of, reset_second_factor
    from matrix_app.services.audit import CLI
    from matrix_app.services.second_factor import has_second_factor

    user_id = user_id_of(arguments.user)
    had = has_second_factor(account_of(user_id).user_nid)
    reset_second_factor(CLI, user_id)
    if arguments.json:
        print(json.dumps({"user_id": user_id, "had_second_factor": had}, indent=2))
    else:
        print(f"{user_id} {'has no second factor any more' if had else 'had no second factor'}")
    return 0
