"""The units, as systemd's own tools judge them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "systemd"
# Ten times the exposure level that systemd-analyze shows.
HIGHEST_EXPOSURE = 15

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed"),
]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The units with programs that exist everywhere: what they start is not installed where tests run."""
    folder = tmp_path_factory.mktemp("units")
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        for program in ("/usr/bin/hearth", "/usr/bin/turnserver", "/usr/bin/caddy"):
            text = text.replace(f"={program} ", "=/bin/true ")
        kept = [line for line in text.splitlines() if not line.startswith("Documentation=man:")]
        (folder / unit.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    return sorted(folder.iterdir())


def test_systemd_understands_every_line(installed: list[Path]) -> None:
    result = analyze("verify", *installed)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_misspelt_line_would_be_found(installed: list[Path], tmp_path: Path) -> None:
    wrong = tmp_path / "hearth-wrong.service"
    wrong.write_text("[Service]\nExecStart=/bin/true\nProtectHoem=yes\n", encoding="utf-8")
    assert "ProtectHoem" in analyze("verify", wrong).stderr


def test_no_unit_needs_a_program_that_a_small_system_lacks() -> None:
    # kill, for one, is in a package that not every Debian has.
    lines = [line for unit in UNITS.iterdir() for line in unit.read_text().splitlines()]
    programs = {match[1] for line in lines if (match := re.match(r"Exec\w+=[-+!@:]*(\S+)", line))}
    assert programs <= {"/usr/bin/hearth", "/usr/bin/caddy", "/usr/bin/turnserver", "/bin/sh"}, programs


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_every_service_is_confined(unit: Path) -> None:
    result = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", unit)
    assert result.returncode == 0, result.stdout[-300:]
