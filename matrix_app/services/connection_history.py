"""From where and with what users connected: whether it is stored, and forgetting it with time.

When that was stays known. The audit log has addresses as well, and its own time (`retention.audit_days`).
"""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from matrix_app.storage import connection_history, db
from matrix_app.storage.clock import now_ms

BATCH: Final = 2000
DAY_MS: Final = 24 * 3_600_000


def is_kept() -> bool:
    """Whether addresses, browsers and apps of users are stored at all."""
    return get_config().retention.connection_history_days > 0


def forget_old() -> int:
    """Forget with what was connected longer ago than the configuration says; of how many rows."""
    until = now_ms() - get_config().retention.connection_history_days * DAY_MS
    return sum(_forget_in(table, until) for table in connection_history.TABLES)


def _forget_in(table: str, until: int) -> int:
    after = total = 0
    while (page := connection_history.page(table, after, until, BATCH)) is not None:
        after, old = page
        if old:
            with db.write():
                total += connection_history.forget(table, old, until)
    return total
