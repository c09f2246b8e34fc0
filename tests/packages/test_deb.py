"""What can be told of the packages without building them; packaging/tests/deb does the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli.verbs import VERBS

PROJECT = Path(__file__).resolve().parents[2]
DEB = PROJECT / "packaging" / "deb"
SCRIPTS = sorted(
    path
    for path in DEB.iterdir()
    if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))
)
QUESTIONS = re.compile(r"hearth/([a-z-]+)")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_shell_understands_every_script(script: Path) -> None:
    shell = "bash" if b"bash" in script.read_bytes()[:20] else "sh"
    subprocess.run([shell, "-n", script], check=True)


def test_without_git_packages_are_built_with_the_time_of_the_source(tmp_path: Path) -> None:
    """Up to the first thing that Python is to do, which is told the time."""
    for name in ("packaging/deb/build", "appliance/version.py", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    os.utime(tmp_path / "CHANGELOG.md", (1_700_000_000, 1_700_000_000))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "at $SOURCE_DATE_EPOCH"\nexit 7\n')
    python.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        [tmp_path / "packaging" / "deb" / "build", "--output", tmp_path / "made"],
        env={**environ, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "at 1700000000\n"), done.stderr


def test_only_questions_that_exist_are_asked() -> None:
    known = set(re.findall(r"^Template: hearth/(\S+)$", (DEB / "hearth.templates").read_text(), re.MULTILINE))
    used = set()
    for name in ("hearth.config", "hearth.postinst", "hearth.postrm"):
        lines = [
            line for line in (DEB / name).read_text().splitlines() if re.search(r"\b(db_|ask_host)", line)
        ]
        used |= set(QUESTIONS.findall("\n".join(lines)))
    assert used == known


def test_every_unit_is_switched_off_and_forgotten_when_the_package_goes() -> None:
    removed = (DEB / "hearth.postrm").read_text()
    started = (DEB / "hearth.postinst").read_text()
    for unit in (PROJECT / "systemd").iterdir():
        if "[Install]" in unit.read_text():
            assert unit.name in removed
            assert unit.name in started


def test_what_starts_services_after_an_upgrade_can_start_them() -> None:
    # "disabled or static units that do not run" are left alone by deb-systemd-invoke.
    script = (DEB / "hearth.postinst").read_text().replace("\\\n", " ")
    found = re.findall(r"deb-systemd-invoke (?:re)?start ([^>|]*)", script)
    units = {unit for line in found for unit in re.findall(r"hearth\S*\.\w+", line)}
    assert "hearth-web.socket" in units
    for unit in units:
        text = (PROJECT / "systemd" / unit).read_text()
        assert "[Install]" in text or "RemainAfterExit=yes" in text, unit


def test_the_manual_tells_of_every_verb_in_the_words_of_its_help() -> None:
    environ = {**os.environ, "PYTHONPATH": str(PROJECT), "SOURCE_DATE_EPOCH": "0"}
    script = PROJECT / "packaging" / "man_page.py"
    page = subprocess.run(
        [sys.executable, script], env=environ, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert '"1970-01-01"' in page
    for verb in VERBS:
        assert (
            f".SS {verb.name.replace('-', chr(92) + '-')}\n{verb.summary.replace('-', chr(92) + '-')}\n"
            in page
        )
    if shutil.which("man"):
        checked = subprocess.run(
            ["man", "--warnings", "-l", "-"],
            input=page,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert checked.stderr == ""
