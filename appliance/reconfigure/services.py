"""Having systemd start, stop and reload what must be, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from appliance.reconfigure.change import Change

PROXY: Final = "hearth-proxy.service"
TURN: Final = "hearth-turn.service"
HANDOVER: Final = "hearth-turn-certificate.service"
# The others need it, and are started again with it behind their open sockets.
SERVER: Final = "hearth-migrate.service"
TARGET: Final = "hearth.target"
_BOOTED: Final = Path("/run/systemd/system")


class Order(NamedTuple):
    """What is to be done with a unit, in the words of systemctl, and why."""

    unit: str
    verb: str
    why: str


def is_there() -> bool:
    """Whether this machine runs systemd, and Hearth's services with it."""
    if not _BOOTED.is_dir():
        return False
    asked = ["systemctl", "--quiet", "is-active", TARGET]
    return subprocess.run(asked, check=False).returncode == 0  # noqa: S603  (systemd's own program)


def carry_out(orders: list[Order], *, dry_run: bool) -> tuple[list[Change], list[str]]:
    """Do it; what was done, and what systemd has refused."""
    done, refused = [], []
    for order in orders:
        asked = ["systemctl", order.verb, order.unit]
        if not dry_run:
            answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
            if answer.returncode:
                refused.append(f"{' '.join(asked)}: {answer.stderr.strip()}")
                continue
        done.append(Change(order.unit, order.verb, order.why))
    return done, refused
