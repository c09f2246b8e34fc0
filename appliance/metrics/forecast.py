"""When a disk will be full, if it goes on as it did."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

from appliance.config import get_config

DAY_MS: Final = 86_400_000
# Less says nothing.
LEAST_MS: Final = 6 * 3_600_000
LONGEST_DAYS: Final = 3650.0


def growth_per_day(points: Sequence[tuple[int, float]]) -> float | None:
    """The slope of the straight line that fits best, in units a day; None where there is too little."""
    if len(points) < 3 or points[-1][0] - points[0][0] < LEAST_MS:
        return None
    times = [(ts - points[0][0]) / DAY_MS for ts, _ in points]
    middle, mean = sum(times) / len(times), sum(value for _, value in points) / len(points)
    spread = sum((at - middle) ** 2 for at in times)
    rise = sum((at - middle) * (value - mean) for at, (_, value) in zip(times, points, strict=True))
    return rise / spread


def days_until_full(points: Sequence[tuple[int, float]], free: float) -> float | None:
    """In how many days what is free is taken; None when it does not shrink, or not within ten years."""
    growth = growth_per_day(points)
    if growth is None or growth <= 0:
        return None
    days = free / growth
    return days if days <= LONGEST_DAYS else None


def disk_full_in_days() -> float | None:
    """The forecast for the disk with the data, from the samples of up to a month."""
    from appliance.metrics.sampling import Figure
    from matrix_app.storage import samples
    from matrix_app.storage.clock import now_ms

    points = samples.series(samples.MONTH, Figure.DISK_USED, now_ms() - samples.MONTH.length_ms)
    folder = get_config().server.data_dir
    return days_until_full(points, shutil.disk_usage(folder).free) if folder.exists() else None
