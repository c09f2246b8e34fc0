"""How long to leave alone what has failed: longer each time, and not equally long for all."""

from __future__ import annotations

import random

# Whatever is doubled so often is above every limit.
_MOST_DOUBLINGS = 16


def growing(first: int, failures: int, longest: int) -> int:
    """`first`, doubled for each failure before this one, and `longest` at most; all in one unit."""
    return min(first << min(failures, _MOST_DOUBLINGS), longest)


def spread(wait: int) -> int:
    """Up to a fifth less, so that those who failed together are not asked again together."""
    return int(wait * random.uniform(0.8, 1.0))  # noqa: S311
