"""The units: that they are up, how they are confined, and that none has failed."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import Final

from booted.machine import AUTHORITY, call, is_active, log_of, shown, tell, wait_active

SERVICES: Final = ("migrate", "web", "worker", "proxy", "turn")
OTHERS: Final = (
    "hearth.target", "hearth-web.socket", "hearth-doctor.timer", "hearth-turn-certificate.path",
    "hearth-turn-certificate.timer",
)  # fmt: skip
# Ten times what systemd-analyze shows.
HIGHEST_EXPOSURE: Final = 15


def check_up() -> None:
    """Everything that the packages start."""
    began = time.monotonic()
    for name in SERVICES:
        wait_active(f"hearth-{name}.service")
    for unit in OTHERS:
        assert is_active(unit), f"{unit} is not active"
    tell(f"{len(SERVICES) + len(OTHERS)} units are up", began)


def check_confined() -> None:
    """Every service that the package brings, as it runs here."""
    listed = call("dpkg", "--listfiles", "hearth")
    units = re.findall(r"^/(?:usr/)?lib/systemd/system/(\S+\.service)$", listed, re.MULTILINE)
    assert len(units) > len(SERVICES), listed
    figures = [f"{unit.removesuffix('.service')} {exposure(unit)}" for unit in sorted(units)]
    tell(f"exposure: {', '.join(figures)}")


def exposure(unit: str) -> float:
    """How exposed a unit is, from 0 to 10."""
    said = call("systemd-analyze", "security", "--no-pager", f"--threshold={HIGHEST_EXPOSURE}", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said[-300:]
    return float(found[1])


def check_reloads() -> None:
    """Each service that can be told to read anew, on a system that has little beside it."""
    for name in ("web", "worker", "proxy", "turn"):
        call("systemctl", "reload", f"hearth-{name}.service")
        wait_active(f"hearth-{name}.service")
    tell("services read their configuration and certificates anew")


def check_none_failed() -> None:
    """Not only of Hearth's."""
    failed = call("systemctl", "list-units", "--failed", "--plain", "--no-legend").strip()
    assert not failed, failed
    tell("no unit has failed")


def check_doctor() -> None:
    """It looks at everything, and finds nothing wrong but what an internet is needed for."""
    began = time.monotonic()
    trust_authority()
    subprocess.run(["systemctl", "start", "hearth-doctor.service"], check=False)
    code = shown("hearth-doctor.service", "ExecMainStatus")
    assert code in ("0", "1"), f"doctor ended with {code}"
    found = log_of("hearth-doctor.service")
    well, wrong = (re.findall(rf"^{mark} ([^:]+): (.*)$", found, re.MULTILINE) for mark in ("ok", "XX"))
    assert well, found[-2000:]
    refused = [check for check in wrong if "certificate" in check[1].lower()]
    assert not refused, refused
    names = ", ".join(sorted(name for name, _ in wrong))
    tell(f"doctor looked: {len(well)} are well, without an internet {len(wrong)} are not ({names})", began)


def trust_authority() -> None:
    """As in a network that has an authority of its own."""
    Path("/usr/local/share/ca-certificates/hearth-story.crt").write_text(AUTHORITY.read_text())
    call("update-ca-certificates")
    known = Path("/test/peer/ca.crt")
    known.write_text(known.read_text() + AUTHORITY.read_text())
