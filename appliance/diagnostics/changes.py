"""Telling of what changed: at once what stopped working or works again, and once a day all of it."""

from __future__ import annotations

from typing import Final

import orjson

from appliance.config import get_config
from appliance.diagnostics.registry import all_checks
from appliance.diagnostics.result import Status
from matrix_app.protocol.said import said, said_of
from matrix_app.services.alerts import Alert, channels, deliver
from matrix_app.services.mail import is_configured
from matrix_app.storage import alert_channels, check_mutes, check_results, db
from matrix_app.storage.check_results import CheckRow
from matrix_app.storage.clock import now_ms

# The row of `alert_channel` that holds what the last daily mail knew.
DAILY: Final = "daily"
_GOOD: Final = (Status.OK, Status.INFO)
_UNTOLD: Final = ("", Status.OK)


def tell_changes() -> list[str]:
    """Tell of checks that became bad or good again since they were told of; the IDs of those that were.

    A check that could not be looked at is neither, and a muted one is told of when it no longer is muted.
    Nothing counts as told until a channel has taken it.
    """
    muted = check_mutes.present(now_ms())
    rows = check_results.all_rows().values()
    news = [row for row in rows if row.id not in muted and _is_news(row)]
    if not news or not channels() or not deliver(_alert(news)):
        return []
    with db.write():
        for row in news:
            check_results.set_told(row.id, row.status if _is_bad(row.status) else Status.OK.value)
    return [row.id for row in news]


def _is_bad(status: str) -> bool:
    return status == Status.ERROR or (status == Status.WARN and get_config().alerts.warnings)


def _is_news(row: CheckRow) -> bool:
    if _is_bad(row.status):
        return row.told_status != row.status
    was_bad = row.told_status not in _UNTOLD
    # With warnings off, one that was an error and is a warning is good enough to be told of.
    return was_bad and row.status in (*_GOOD, Status.WARN)


def _alert(news: list[CheckRow]) -> Alert:
    bad = [row for row in news if _is_bad(row.status)]
    good = [row for row in news if not _is_bad(row.status)]
    name = get_config().server.name
    if not bad:
        subject = said("{name}: works again", name=name)
    elif len(bad) == 1:
        subject = said("{name}: {what}", name=name, what=_title(bad[0]))
    else:
        subject = said("{name}: {count} things need attention", name=name, count=len(bad))
    return Alert("alert", subject, _text(bad, good), [_item(row) for row in news])


def _title(row: CheckRow) -> str:
    known = all_checks().get(row.id)
    return said(known.title) if known else row.id


def _text(bad: list[CheckRow], good: list[CheckRow]) -> str:
    lines = [*_lines(said("Needs attention"), bad), *_lines(said("Works again"), good)]
    return said("{lines:lines}", lines=lines)


def _lines(heading: str, rows: list[CheckRow]) -> list[str]:
    found = [heading, ""] if rows else []
    for row in rows:
        found.append(said("* {title}: {summary}", title=_title(row), summary=said_of(row.summary)))
        if row.fix and _is_bad(row.status):
            found.append(said("  To do: {fix}", fix=said_of(row.fix)))
    return [*found, ""] if found else []


def _item(row: CheckRow) -> dict[str, object]:
    return {
        "id": row.id,
        "title": _title(row),
        "status": row.status,
        "summary": row.summary,
        "fix": row.fix,
        "since_ts": row.since_ts,
    }


def mail_changes() -> bool:
    """Mail what changed since the last such mail, where one is wanted; whether there was one."""
    alerts = get_config().alerts
    if not alerts.daily_mail or not alerts.mail_to or not is_configured():
        return False
    muted = check_mutes.present(now_ms())
    rows = check_results.all_rows()
    kept = alert_channels.all_rows().get(DAILY)
    before = kept.data if kept else {}
    known = {id: before.get(id, Status.OK.value) for id in rows}
    heard = [row for id, row in rows.items() if id not in muted]
    changed = [row for row in heard if _has_changed(row, known[row.id])]
    if changed and not deliver(_daily(changed), ["mail"]):
        return False
    present = orjson.dumps(known | {row.id: row.status for row in heard})
    with db.write():
        alert_channels.put(DAILY, now_ms(), "", present)
    return bool(changed)


def _has_changed(row: CheckRow, before: str) -> bool:
    bad = (Status.WARN, Status.ERROR)
    return row.status != before and (row.status in bad or (before in bad and row.status in _GOOD))


def _daily(changed: list[CheckRow]) -> Alert:
    worse = [row for row in changed if row.status in (Status.WARN, Status.ERROR)]
    better = [row for row in changed if row.status in _GOOD]
    subject = said("{name}: what changed since yesterday", name=get_config().server.name)
    return Alert("changes", subject, _text(worse, better), [_item(row) for row in changed])
