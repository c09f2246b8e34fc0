"""What is done again and again, and how often: the one list of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from appliance.config import get_config

PREFIX: Final = "hearth."


class Entry(NamedTuple):
    """A function of `matrix_app.tasks` that is called every so many minutes."""

    task: str
    minutes: int


def entries() -> tuple[Entry, ...]:
    """The schedule under the present configuration."""
    presence = (Entry("expire_presence", 1),) if get_config().presence.enabled else ()
    expiry = (Entry("expire_messages", 5),) if get_config().rooms.self_destructing_messages else ()
    return (
        *presence,
        *expiry,
        Entry("index_search", 5),
        Entry("expire_typing", 5),
        Entry("sweep_unread", 30),
        Entry("sweep_inbound", 1),
        Entry("resume_long_tasks", 2),
        Entry("resync_device_lists", 1),
        Entry("propagate_late_profiles", 5),
        Entry("leave_late_rooms", 60),
        Entry("end_banned_invites", 10),
        Entry("remove_guests", 60),
        Entry("evict_media", 10),
        Entry("remove_account_exports", 60),
        Entry("remove_user_imports", 60),
        Entry("remove_support_bundles", 60),
        Entry("remove_stray_media", 24 * 60),
        Entry("trim_stream", 30),
        Entry("trim_device_messages", 60),
        Entry("tidy_device_lists", 6 * 60),
        Entry("forget_transactions", 60),
        Entry("forget_redacted", 60),
        Entry("forget_connections", 60),
        Entry("delete_expired", 24 * 60),
        Entry("run_checks", 60),
        Entry("back_up_if_due", 30),
        Entry("take_sample", 1),
        Entry("ask_for_release", 60),
        Entry("try_alerts", 7 * 24 * 60),
        Entry("mail_changes", 24 * 60),
        Entry("tidy_room_for_tests", 7 * 24 * 60),
    )


def install() -> bool:
    """Make the queue's schedule this one; whether it was another. What is there already is left as it is."""
    from django.db import transaction
    from django_q.models import Schedule

    with transaction.atomic():
        if is_installed():
            return False
        wanted, present = _wanted(), _present()
        Schedule.objects.filter(name__in=set(present) - set(wanted)).delete()
        for name, entry in wanted.items():
            if present.get(name) != entry.minutes:
                Schedule.objects.update_or_create(
                    name=name,
                    defaults={
                        "func": f"matrix_app.tasks.{entry.task}",
                        "schedule_type": Schedule.MINUTES,
                        "minutes": entry.minutes,
                        "repeats": -1,
                    },
                )
    return True


def bring_back() -> int:
    """Let be due now what is to be done later than its interval allows; how much that was."""
    from django.utils import timezone
    from django_q.models import Schedule

    now, count = timezone.now(), 0
    for found in Schedule.objects.filter(name__startswith=PREFIX):
        latest = now + timedelta(minutes=2 * (found.minutes or 0))
        if found.next_run is not None and found.next_run > latest:
            count += Schedule.objects.filter(pk=found.pk).update(next_run=now)
    return count


def is_installed() -> bool:
    """Whether the queue's schedule is this one."""
    return _present() == {name: entry.minutes for name, entry in _wanted().items()}


def _wanted() -> dict[str, Entry]:
    return {f"{PREFIX}{entry.task}": entry for entry in entries()}


def _present() -> dict[str, int | None]:
    from django_q.models import Schedule

    return dict(Schedule.objects.filter(name__startswith=PREFIX).values_list("name", "minutes"))
