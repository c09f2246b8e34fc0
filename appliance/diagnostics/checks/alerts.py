"""The alerts themselves: whether anybody is told, and whether the last alert or test was taken."""

from __future__ import annotations

from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, warn
from matrix_app.protocol.said import said

LATE_MS = 15 * 24 * 3_600_000


@check("alerts.delivery", "Alerts reach somebody", needs=["database.connect"])
def delivery() -> Result:
    """Every configured channel took what it was given last: an alert, or the test of every week."""
    from matrix_app.services.alerts import channels
    from matrix_app.storage import alert_channels
    from matrix_app.storage.clock import now_ms

    wanted, rows = channels(), alert_channels.all_rows()
    if not wanted:
        return info("Nobody is told when something stops working", fix="Settings: Alerts")
    faults = [
        said("{channel}: {fault}", channel=name, fault=said(rows[name].fault))
        for name in wanted
        if name in rows and rows[name].fault
    ]
    detail = said("{faults:lines}", faults=faults)
    if len(faults) == len(wanted):
        return error("No alert can be delivered", detail=detail, fix="Settings: Alerts")
    if faults:
        names = [name for name in wanted if name in rows and rows[name].fault]
        return warn(
            said("Not by {channels}", channels=names),
            detail=detail,
            fix="Settings: Alerts",
        )
    untried = [name for name in wanted if name not in rows or now_ms() - rows[name].tried_ts > LATE_MS]
    if untried:
        return info(said("Not tried yet: {channels}", channels=untried), fix="Checks: Test the alerts")
    return ok(", ".join(wanted))
