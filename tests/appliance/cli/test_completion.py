"""What shells offer after a few letters, asked of the shells themselves."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.backup.make import make
from appliance.cli.__main__ import main
from appliance.cli.shells import bash, fish, words, zsh
from appliance.cli.verbs import VERBS
from appliance.config import Config, use_config
from appliance.telling import to_nobody
from tests.factories.client import ClientFactory

SECONDS = 30
PROJECT = Path(__file__).resolve().parents[3]


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home with the scripts, and a `hearth` that knows two backups."""
    for name, made in (("bash", bash), ("zsh", zsh), ("fish", fish)):
        (tmp_path / name).write_text(made.script())
    program = tmp_path / "bin" / "hearth"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n[ $3 = backups ] && printf '2031-01-01T000000Z\\n2031-01-02T000000Z\\n'\n")
    program.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def offered_by_bash(folder: Path, line: str) -> list[str]:
    typed = line.split(" ")
    words = " ".join(repr(word) for word in typed)
    script = (
        f". {folder}/bash; cd; COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}; _hearth; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment(folder), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def offered_by_fish(folder: Path, line: str) -> list[str]:
    script = f"source {folder}/fish; cd $HOME; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return [found.partition("\t")[0] for found in done.stdout.splitlines()]


def offered_by_zsh(folder: Path, line: str) -> list[str]:
    """zsh completes only for somebody who types: on a terminal of its own."""
    # The prompt comes when the line editor listens.
    begin = f"autoload -Uz compinit; compinit -u -D; source {folder}/zsh; cd; LISTMAX=999; PS1=ty''pe:\n"
    primary, secondary = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],
        env=environment(folder),
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        start_new_session=True,
    ) as shell:
        os.close(secondary)
        os.write(primary, begin.encode())
        read_until(primary, "type:")
        # Two tabs list what there is; the next line says where the list ends.
        os.write(primary, f"{line}\t\t\x15echo e''nd\n".encode())
        shown = read_until(primary, r"\nend")
        shell.kill()
    os.close(primary)
    return re.findall(r"[\w./-]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))


def read_until(descriptor: int, pattern: str) -> str:
    """What a terminal shows up to something."""
    shown, deadline = "", time.monotonic() + SECONDS
    while not re.search(pattern, shown):
        assert time.monotonic() < deadline, shown
        if select.select([descriptor], [], [], 1)[0]:
            shown += os.read(descriptor, 4096).decode("utf-8", "replace")
    return shown


SHELLS = [
    pytest.param(offered_by_bash, id="bash", marks=needs("bash")),
    pytest.param(offered_by_zsh, id="zsh", marks=needs("zsh")),
    pytest.param(offered_by_fish, id="fish", marks=needs("fish")),
]


@pytest.mark.parametrize("offered", SHELLS)
def test_verbs_options_choices_and_backups_are_completed(offered, folder: Path) -> None:
    (folder / "letter.txt").touch()
    assert {"render-proxy", "render-turn"} <= set(offered(folder, "hearth render-"))
    assert {"--list", "--verify", "--no-media"} <= set(offered(folder, "hearth backup --"))
    assert "nginx" in offered(folder, "hearth render-proxy ")
    assert {"2031-01-01T000000Z", "2031-01-02T000000Z"} <= set(offered(folder, "hearth restore "))
    assert {"quarantine", "status"} <= set(offered(folder, "hearth media "))
    assert "s3" in offered(folder, "hearth media copy folder ")
    assert "letter.txt" in offered(folder, "hearth create-user alice --password-file ")


@needs("bash")
def test_every_verb_and_option_is_in_every_script(folder: Path) -> None:
    for name in ("bash", "zsh", "fish"):
        text = (folder / name).read_text()
        for command in words.commands():
            for option in command.options:
                long = option.names[-1]
                assert (long if name != "fish" else f"-l {long[2:]}") in text
    assert set(offered_by_bash(folder, "hearth ")) == {verb.name for verb in VERBS}


def test_what_there_is_is_told_a_name_a_line(
    clients: ClientFactory, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clients.make("alice")
    with use_config(replace(config, backup=replace(config.backup, dir=tmp_path / "backups"))):
        made = make("test", to_nobody, media=False)
        assert main(["completion", "--values", "backups"]) == 0
        assert capsys.readouterr().out == f"{made.manifest.id}\n"
    assert main(["completion", "--values", "users"]) == 0
    assert capsys.readouterr().out == "alice\n"
    assert main(["completion", "--values", "checks"]) == 0
    assert {"database", "database.connect"} <= set(capsys.readouterr().out.split())


def test_scripts_are_printed_without_a_configuration(tmp_path: Path) -> None:
    """A package is built where no server is."""
    for shell in ("bash", "zsh", "fish"):
        command = [sys.executable, "-m", "appliance.cli", "completion", shell]
        alone = {"HEARTH_CONFIG": str(tmp_path / "none")}
        done = subprocess.run(command, cwd=PROJECT, env=alone, capture_output=True, text=True, check=True)
        assert "hearth" in done.stdout
