"""Which settings may be changed on a page while the server runs; every other takes effect with a start.

What is read once and kept (addresses, pools, keys, stores) is not among them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from appliance.config.keys import Key, keys_of
from appliance.config.schema import Config

_WHOLE: Final = (
    "registration",
    "oauth",
    "password_policy",
    "pages",
    "mail",
    "captcha",
    "limits",
    "rooms",
    "push",
    "turn",
    "rtc",
    "diagnostics",
    "alerts",
    "notices",
    "backup",
    "metrics",
    "updates",
)
_SINGLE: Final = frozenset(
    {
        "server.admin_contact",
        "server.support_page",
        "server.default_room_version",
        "rate_limits.enabled",
        "federation.allow_servers",
        "federation.deny_servers",
        "federation.longest_backoff_seconds",
        "media.max_upload_bytes",
        "media.max_pending_uploads",
        "media.pending_upload_hours",
        "media.user_quota_bytes",
        "media.erase_with_account",
        "media.max_remote_bytes",
        "media.remote_days",
        "media.remote_total_bytes",
        "media.local_days",
        "media.max_pixels",
        "media.require_login",
        "media.unauthenticated_downloads",
        "media.url_previews",
        "retention.deleted_content_days",
        "retention.transactions_hours",
        "retention.connection_history_days",
        "retention.account_export_days",
        "retention.audit_days",
    }
)
# Never shown, and sealed where they are stored.
SECRET: Final = frozenset(
    {
        "mail.password",
        "captcha.private_key",
        "turn.secret",
        "turn.password",
        "metrics.token",
        "backup.s3.secret_key",
        "backup.sftp.password",
    }
)


class RuntimeKey(NamedTuple):
    """A setting that may be changed while the server runs, by its whole name such as registration.mode."""

    name: str
    key: Key

    @property
    def is_secret(self) -> bool:
        """Whether it is never shown."""
        return self.name in SECRET


def runtime_keys() -> dict[str, RuntimeKey]:
    """The settings that may be changed on a page, in the order of hearth.toml."""
    return {found.name: found for found in _below(Config, "") if _may_change(found)}


def _below(section: type, prefix: str) -> list[RuntimeKey]:
    found: list[RuntimeKey] = []
    for key in keys_of(section):
        if key.section is not None:
            found += _below(key.section, f"{prefix}{key.name}.")
        else:
            found.append(RuntimeKey(prefix + key.name, key))
    return found


def _may_change(found: RuntimeKey) -> bool:
    whole = found.name.partition(".")[0] in _WHOLE
    return found.key.base is None and (whole or found.name in _SINGLE)
