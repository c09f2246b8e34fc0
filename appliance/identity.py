"""The server's name stays what it is once somebody has an account: it is in every user ID and every room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.config.errors import ConfigError, Problem

if TYPE_CHECKING:
    from appliance.config import Config


def check_server_name(config: Config) -> None:
    """Raises `ConfigError` when the database belongs to a server of another name."""
    from matrix_app.storage.accounts import any_user_id

    user_id = any_user_id()
    if user_id is None:
        return
    stored = user_id.partition(":")[2]
    if stored != config.server.name:
        message = (
            f"this database belongs to {stored}, and a server's name cannot be changed once it has users: "
            f"set it back, or start anew with another data_dir and database"
        )
        raise ConfigError([Problem("server.name", message)], source=config.database.url.partition(":")[0])
