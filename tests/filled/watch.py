"""What watches over a filled server has seen: results of checks, figures of a year, log lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import orjson

from appliance.config import get_config
from appliance.diagnostics.registry import all_checks
from appliance.metrics.sampling import Figure
from appliance.recent_log import NAME
from matrix_app.storage import models as tables
from matrix_app.storage.samples import SPANS, Span
from tests.filled.size import Size
from tests.filled.store import DAY, HOUR, MINUTE, dice, store

# What is not as it should be: status, summary, what to do.
FOUND: Final = {
    "backup.verify": ("warn", "The last backup has not been verified", "Verify it on the page of backups."),
    "names.service": ("info", "There are no SRV records, and none are needed", ""),
    "ports.public": (
        "unknown",
        "Whether others reach this machine cannot be told from inside",
        "Test the server's name from elsewhere.",
    ),
    "turn.tls": (
        "error",
        "The TURN server does not answer at port 5349",
        "Open TCP port 5349 in the router, and give coturn the certificate.",
    ),
}
LINES: Final = (
    ("info", "matrix_app.services.backup", "backup finished", {"seconds": 41}),
    ("info", "matrix_app.federation.sender", "server answers again", {"server": "harbour.example"}),
    ("warning", "matrix_app.push.delivery", "gateway fails", {"status": 502, "gateway": "push.example.org"}),
    ("error", "matrix_app.services.mail", "mail not sent", {"to": "m***@mail.example"}),
)
# What a figure is about, and how much it goes up and down with the hours.
LEVELS: Final = {
    Figure.REQUESTS: (4.0, 0.9),
    Figure.MESSAGES: (11.0, 1.0),
    Figure.SYNC_MS: (21.0, 0.3),
    Figure.FEDERATION_LAG: (0.4, 0.5),
    Figure.TASKS_WAITING: (0.6, 1.0),
    Figure.MEMORY: (187.0 * 2**20, 0.04),
    Figure.DISK_USED: (14.2 * 2**30, 0.0),
    Figure.DATABASE: (1.3 * 2**30, 0.0),
    Figure.PUSH_WAITING: (0.5, 1.0),
    Figure.SERVERS_BEHIND: (1.5, 0.6),
}
GROWING: Final = (Figure.DISK_USED, Figure.DATABASE)


def fill_watch(size: Size, now: int) -> None:
    """What there should be of each."""
    if size.checks:
        store(_result(number, id, now) for number, id in enumerate(all_checks()))
    if size.samples:
        for span in SPANS.values():
            store(_samples(span, now))
    if size.log_lines:
        _write_log(size.log_lines, now)


def _result(number: int, id: str, now: int) -> tables.CheckResult:
    status, summary, fix = FOUND.get(id, ("ok", "As it should be", ""))
    return tables.CheckResult(
        id=id,
        status=status,
        summary=summary,
        fix=fix,
        snippet="tls-listening-port=5349" if id == "turn.tls" else "",
        since_ts=now - (2 + number % 30) * DAY,
        checked_ts=now - 12 * MINUTE,
    )


def _samples(span: Span, now: int) -> Iterator[tables.Sample]:
    chance = dice(f"samples of {span.nid}")
    last = now - now % span.step_ms
    for back in range(span.slots - 1):
        ts = last - back * span.step_ms
        for figure, (level, swing) in LEVELS.items():
            yield tables.Sample(
                span=span.nid,
                metric=figure,
                slot=span.slot_of(ts),
                ts=ts,
                value=_value(figure, level, swing, ts, now, chance.random()),
            )


def _value(figure: Figure, level: float, swing: float, ts: int, now: int, chance: float) -> float:
    if figure in GROWING:
        return level * (1 - 0.4 * (now - ts) / (365 * DAY))
    hour = (ts % DAY) / HOUR
    busy = max(0.0, math.sin((hour - 5) / 24 * 2 * math.pi)) + max(0.0, math.sin((hour - 13) / 12 * math.pi))
    return max(0.0, level * (1 - swing * 0.8 + swing * busy) * (1 + (chance - 0.5) * min(1.0, swing) * 0.6))


def _write_log(count: int, now: int) -> None:
    folder = get_config().server.data_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("ab") as file:
        for number in reversed(range(count)):
            level, logger, event, fields = LINES[0 if number % 5 else number // 5 % len(LINES)]
            moment = datetime.fromtimestamp((now - number * 4 * MINUTE) / 1000, UTC)
            line = {
                "timestamp": moment.isoformat(),
                "level": level,
                "logger": logger,
                "event": event,
                **fields,
            }
            file.write(orjson.dumps(line) + b"\n")
