"""Tasks that a cluster had taken when it was killed: offered again at once, not when their lock runs out."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

log = structlog.get_logger(__name__)

ADVISORY_LOCK = 0x68746173  # "htas"


def release_abandoned() -> int:
    """Frees the tasks that nobody works on any more; how many that were.

    On SQLite there is one cluster, the one that is starting. On PostgreSQL the clusters of all hosts hold a
    shared lock: whoever gets it alone is alone.
    """
    if "orm" not in settings.Q_CLUSTER or not _alone():
        return 0
    from django_q.models import OrmQ

    now = timezone.now()
    released: int = OrmQ.objects.filter(lock__gt=now).update(lock=now)
    if released:
        log.info("tasks of a cluster that was killed are offered again", tasks=released)
    return released


def announce_cluster() -> None:
    """Tells the clusters of other hosts that this one works, as long as its connection lasts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [ADVISORY_LOCK])


def _alone() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        alone: bool = cursor.fetchone()[0]
        if alone:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    return alone
