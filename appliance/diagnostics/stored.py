"""Running the checks and keeping what they found, for the pages and for mails about changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson

from appliance.diagnostics.registry import Check, Finding, all_checks, run_checks
from matrix_app.storage import check_mutes, check_results, db
from matrix_app.storage.clock import now_ms


def run_and_store(
    wanted: Iterable[str] | None = None,
    tell: Callable[[Finding], None] = lambda _finding: None,
    *,
    known: dict[str, Check] | None = None,
) -> list[Finding]:
    """Run checks, and keep what they found; see `run_checks`."""

    def keep(finding: Finding) -> None:
        _store(finding)
        tell(finding)

    known = all_checks() if known is None else known
    findings = run_checks(wanted, keep, known=known)
    with db.write():
        check_results.forget_others(list(known))
        check_mutes.forget_expired(now_ms())
    return findings


def _store(finding: Finding) -> None:
    result = finding.result
    with db.write():
        check_results.put(
            finding.check.id,
            result.status.value,
            result.summary,
            result.detail,
            result.fix,
            result.snippet,
            orjson.dumps(result.data, default=str),
            now_ms(),
        )
