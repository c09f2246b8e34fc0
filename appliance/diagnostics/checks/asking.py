"""What checks that ask others have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from appliance.diagnostics.outside import NoAnswer
from appliance.diagnostics.result import Result, error, skipped
from matrix_app.protocol.said import said

FIX = said("Does the proxy run, is its port forwarded by the router and open in the firewall?")


def not_set_up() -> Result | None:
    """Why a check that uses the server's own user is skipped: before the setup nobody has an account.

    That user would settle the server's name, which may still be another.
    """
    from matrix_app.storage import accounts

    return skipped("The server has not been set up") if accounts.any_user_id() is None else None


def on_no_answer(run: Callable[[], Result]) -> Callable[[], Result]:
    """Have a check end with an error when what it asks gives no answer."""

    @wraps(run)
    def safe() -> Result:
        try:
            return run()
        except NoAnswer as fault:
            return error(said("{why:capital}", why=fault), fix=FIX)

    return safe
