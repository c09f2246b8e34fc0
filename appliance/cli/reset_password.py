"""`hearth reset-password`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from appliance.cli.account import add_user, user_id_of
from appliance.cli.options import add_json
from appliance.cli.password import add_password, password_of
from appliance.database import require_current

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Whose password, how it is given, and what becomes of the sessions."""
    add_user(parser)
    add_password(parser)
    parser.add_argument(
        "--keep-sessions",
        action="store_true",
        help="leave the user signed in where they are (default: sign them out everywhere)",
    )
    add_json(parser)
    parser.epilog = (
        "Keys of encrypted messages that are only on devices which are signed out are lost with them. "
        "The audit log has an entry of it."
    )


def run(arguments: Namespace) -> int:
    """Sets the password, and says for whom."""
    require_current()
    from matrix_app.services.administer_account import set_password
    from matrix_app.services.audit import CLI

    user_id = user_id_of(arguments.user)
    given, sign_out = password_of(arguments), not arguments.keep_sessions
    set_password(CLI, user_id, given.password, sign_out=sign_out)
    if arguments.json:
        told = {"user_id": user_id, "signed_out": sign_out}
        print(json.dumps(told | ({"password": given.password} if given.is_made else {}), indent=2))
        return 0
    print(f"{user_id} has a new password{' and is signed out everywhere' if sign_out else ''}")
    if given.is_made:
        print(f"password: {given.password}")
    return 0
