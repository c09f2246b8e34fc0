"""What the checks find, in the bundle's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.diagnostics.registry import Finding
    from appliance.support.mask import Masker


def found_now(findings: Iterable[Finding], masker: Masker) -> list[dict[str, Any]]:
    """What was found just now; details and snippets, in which others speak, are left out."""
    return [
        {
            "id": one.check.id,
            "title": one.check.title,
            "status": one.result.status.value,
            "summary": masker.text(one.result.summary),
            "fix": masker.text(one.result.fix),
            "seconds": round(one.seconds, 3),
        }
        for one in findings
    ]


def found_last() -> list[dict[str, Any]]:
    """What was found by the last hourly run: statuses and times."""
    from appliance.diagnostics.registry import all_checks
    from appliance.diagnostics.result import Status
    from matrix_app.storage import check_mutes, check_results
    from matrix_app.storage.clock import now_ms

    statuses = {status.value for status in Status}
    known, rows = all_checks(), check_results.all_rows()
    muted = check_mutes.present(now_ms())
    return [
        {
            "id": id,
            "status": row.status if row.status in statuses else "?",
            "since_ts": row.since_ts,
            "checked_ts": row.checked_ts,
            "is_muted": id in muted,
        }
        for id, row in rows.items()
        if id in known
    ]
