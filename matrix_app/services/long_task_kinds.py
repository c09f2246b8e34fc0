"""Where the kinds of long tasks are declared."""

from __future__ import annotations

from importlib import import_module
from typing import Final

# Most of them are seldom wanted, so a module is imported with the first task of its kind.
MODULES: Final[dict[str, str]] = {
    "account.export": "matrix_app.services.account_export.task",
    "backup.fetch": "appliance.backup.remote_task",
    "backup.make": "appliance.backup.task",
    "backup.unpack": "appliance.backup.unpack_task",
    "backup.upload": "appliance.backup.remote_task",
    "backup.verify": "appliance.backup.task",
    "backup.verify_remote": "appliance.backup.remote_task",
    "media.copy": "matrix_app.services.copy_media",
    "media.remove_of_rooms": "matrix_app.services.remove_chosen_media",
    "media.remove_of_users": "matrix_app.services.remove_chosen_media",
    "notices.send_all": "matrix_app.services.send_notice",
    "notices.send_some": "matrix_app.services.send_notice",
    "policy.match": "matrix_app.services.policy_lists.matching",
    "restore.fetch_lost": "matrix_app.services.fetch_lost",
    "room.delete": "matrix_app.services.administer_room",
    "room.purge_history": "matrix_app.services.purge_history",
    "support.bundle": "appliance.support.keep",
    "user.redact": "matrix_app.services.redact_user",
    "users.import": "matrix_app.services.user_import.task",
    "users.look": "matrix_app.services.user_import.looking",
}


def load(kind: str) -> None:
    """Import the module that declares a kind; nothing for one that is not known."""
    if kind in MODULES:
        import_module(MODULES[kind])
