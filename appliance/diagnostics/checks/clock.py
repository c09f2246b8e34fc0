"""The machine's clock: by the clocks of others, and by what keeps it right."""

from __future__ import annotations

import shutil
import subprocess
import time
from email.utils import parsedate_to_datetime
from typing import Final

from appliance.config import get_config
from appliance.diagnostics.outside import NoAnswer, Page, outside
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, unknown, warn
from matrix_app.protocol.said import said

WARN_SECONDS: Final = 5.0
ERROR_SECONDS: Final = 60.0
# What timedatectl may take, which asks systemd over D-Bus.
_SECONDS: Final = 3.0
_FIX: Final = "sudo timedatectl set-ntp true"


@check("machine.clock", "Clock", timeout=20)
def clock() -> Result:
    """Others refuse events and keys of a server whose clock is wrong, and certificates look expired."""
    return judge(_offset(), _is_kept())


def judge(offset: float | None, kept: bool | None) -> Result:
    """What is to be said of a clock: how far it is ahead of others', and whether something keeps it right."""
    if offset is not None and abs(offset) > WARN_SECONDS:
        tell = error if abs(offset) > ERROR_SECONDS else warn
        values = {"seconds": abs(offset), "peer": get_config().diagnostics.federation_peer}
        if offset > 0:
            text = said("The clock is {seconds:.0f} s ahead of that of {peer}", **values)
        else:
            text = said("The clock is {seconds:.0f} s behind that of {peer}", **values)
        return tell(text, fix=_FIX, seconds=round(offset, 1))
    if kept is False:
        return warn("Nothing keeps the clock right: it is not set by time servers (NTP)", fix=_FIX)
    if offset is None:
        return ok("Time servers (NTP) keep it right") if kept else unknown("Nobody tells what time it is")
    return ok("It is right" if kept is None else "It is right, and kept so by time servers (NTP)")


def _offset() -> float | None:
    """By how many seconds this clock is ahead of that of the peer; None when that is not to be had."""
    peer = get_config().diagnostics.federation_peer
    if not peer or peer == get_config().server.name:
        return None
    began = time.time()
    try:
        page = outside().page(f"https://{peer}/.well-known/matrix/server")
    except NoAnswer:
        return None
    return offset_of(page, began, time.time())


def offset_of(page: Page, began: float, ended: float) -> float | None:
    """How far ahead of an answer's Date header (whole seconds) this clock was; 0 where that is possible."""
    try:
        theirs = parsedate_to_datetime(page.headers["date"]).timestamp()
        age = int(page.headers.get("age", "0"))
    except (KeyError, ValueError):
        return None
    earliest, latest = theirs + age, theirs + age + 1
    if ended < earliest:
        return ended - earliest
    return max(0.0, began - latest)


def _is_kept() -> bool | None:
    """Whether systemd says that the clock follows time servers; None where there is no systemd to ask."""
    if shutil.which("timedatectl") is None:
        return None
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(  # noqa: S603  (a program of the system, with constants)
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip())
