"""Whether the work that nobody waits for is done: the worker, its queue, federation and long tasks."""

from __future__ import annotations

from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, warn
from matrix_app.protocol.said import said

LATE_MS = 5 * 60_000
HOUR_MS = 3_600_000


@check("work.queue", "Background tasks", needs=["database.connect"])
def queue() -> Result:
    """Tasks that wait for minutes mean that no worker is there, or too few are."""
    from django_q.brokers import get_broker

    waiting = get_broker().queue_size()
    if waiting > 500:
        return error(said("{count} tasks wait", count=waiting), fix="Is the worker running? See the logs.")
    text = said("{count} tasks wait", count=waiting)
    return warn(text) if waiting > 100 else ok(text)


@check("work.schedule", "Worker", needs=["database.connect"])
def schedule() -> Result:
    """The schedule is kept by the worker: entries that are overdue mean that it does not run."""
    from datetime import timedelta

    from django.utils import timezone
    from django_q.models import Schedule

    late = Schedule.objects.filter(next_run__lt=timezone.now() - timedelta(minutes=10)).count()
    if late:
        return error(
            said("{count} scheduled tasks are overdue: the worker does not run", count=late),
            fix="Start hearth-worker.",
        )
    return ok("The schedule is kept")


@check("work.federation", "Sending to other servers", needs=["database.connect"])
def federation() -> Result:
    """Servers that do not answer for long, and whether the sender keeps up."""
    from matrix_app.storage import destinations
    from matrix_app.storage.clock import now_ms

    failing = destinations.failing(1000)
    long = [name for name, health in failing if now_ms() - (health.failing_since_ts or 0) > HOUR_MS]
    if len(long) > 20:
        return warn(
            said("{count} servers have not answered for an hour or more", count=len(long)), servers=long[:50]
        )
    return ok(said("{count} servers have not answered for an hour or more", count=len(long)), servers=long)


@check("work.unrouted", "Changes for other servers", needs=["database.connect"])
def unrouted() -> Result:
    """Changes of which the sender cannot find for whom they are: a fault of the server itself."""
    from datetime import UTC, datetime

    from matrix_app.storage import unrouted_changes

    found = unrouted_changes.summary()
    if found is None:
        return ok("Every change is on its way")
    since = datetime.fromtimestamp(found.since_ts / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    return error(
        said(
            "{count} changes have reached no other server since {since} (UTC): {fault}",
            count=found.waiting,
            since=since,
            fault=found.fault,
        ),
        fix="This is a fault of Hearth: please report it, with what the log says of it. They are tried again"
        " every hour, and sent once the fault is gone.",
    )


@check("work.tasks", "Long tasks", needs=["database.connect"])
def tasks() -> Result:
    """Long tasks that failed lately."""
    from matrix_app.storage import long_tasks
    from matrix_app.storage.clock import now_ms

    recent = [row for row in long_tasks.page(before=None, limit=50) if row.state == long_tasks.FAILED]
    failed = [row.title for row in recent if now_ms() - (row.finished_ts or 0) < 24 * HOUR_MS]
    if failed:
        return warn(said("Failed today: {titles}", titles=failed[:3]), fix="See the page Tasks.")
    return ok("None failed today")


@check("work.bridges", "Bridges", needs=["database.connect"])
def bridges() -> Result:
    """Application services that take nothing, or have been paused and forgotten."""
    from matrix_app.services.appservice_admin import states
    from matrix_app.storage.clock import now_ms

    found = states()
    failing = [one for one in found if now_ms() - (one.failing_since_ts or now_ms()) > LATE_MS]
    if failing:
        first = failing[0]
        return error(
            said("{id} takes nothing: {fault}", id=first.id, fault=first.fault),
            fix="Is the bridge running, and does the url in its registration lead to it?",
            bridges=[one.id for one in failing],
        )
    paused = [one.id for one in found if one.is_paused]
    if paused:
        return warn(
            said("{bridges} is paused, and what happens waits for it", bridges=paused), bridges=paused
        )
    return ok(said("{count} application services", count=len(found)))


@check("work.push", "Notifications", needs=["database.connect"])
def push() -> Result:
    """Push gateways and mail servers that have taken nothing for an hour."""
    from matrix_app.storage import pushers
    from matrix_app.storage.clock import now_ms

    failing = pushers.failing_since(now_ms() - HOUR_MS)
    if failing:
        return warn(
            said(
                "{count} pushers have failed for an hour or more: {fault}",
                count=failing.pushers,
                fault=failing.fault,
            ),
            fix="Can this server reach the push gateways that the apps name, and its mail server?",
            pushers=failing.pushers,
        )
    return ok("What users have missed is delivered")
