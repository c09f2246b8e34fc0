"""Finding the account that a verb is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_user(parser: ArgumentParser) -> None:
    """Whose account."""
    parser.add_argument("user", metavar="USER", help="alice, or the whole user ID @alice:example.org")


def own_name(text: str) -> str:
    """The part of a user ID before the colon; raises `InvalidParam` for users of other servers."""
    from appliance.config import get_config
    from matrix_app.protocol.errors import InvalidParam

    name, separator, server = text.removeprefix("@").partition(":")
    own = get_config().server.name
    if separator and server != own:
        raise InvalidParam(f"users of this server are called {name}:{own}, and not {text.removeprefix('@')}")
    return name


def user_id_of(text: str) -> str:
    """The user ID of somebody with an account here; raises `NotFound` with the nearest names."""
    from appliance.config import get_config
    from matrix_app.protocol.errors import NotFound
    from matrix_app.storage import account_list, accounts

    name = text.removeprefix("@")
    user_id = f"@{name}" if ":" in name else f"@{name}:{get_config().server.name}"
    if accounts.find(user_id) is not None:
        return user_id
    near = account_list.page(kind="all", search=name.partition(":")[0][:4], sort="name", after=None, limit=3)
    meant = f"; did you mean {' or '.join(row.user_id for row in near)}?" if near else ""
    raise NotFound(f"there is no account {user_id}{meant}")
