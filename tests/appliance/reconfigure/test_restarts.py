"""What is started anew, seen by a systemctl that notes what it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance import started_with
from appliance.config import Config
from appliance.data_lock import claim
from appliance.packaged import CONFIGURATION
from appliance.reconfigure import restarts, services
from appliance.reconfigure.change import Change
from appliance.reconfigure.files import Written
from appliance.reconfigure.restarts import start_anew

RELOAD = "reload-or-restart hearth-proxy.service"


class Systemctl:
    """A program in the place of systemd's."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "asked"
        self.refuses = folder / "refuses"
        program = folder / "systemctl"
        program.write_text(
            '#!/bin/sh\n[ "$1" = --quiet ] && exit 0\n'
            f'[ ! -e {self.refuses} ] || {{ echo "no such unit" >&2; exit 5; }}\necho "$@" >>{self._log}\n'
        )
        program.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(services, "_BOOTED", tmp_path)
    return Systemctl(folder)


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    return replace(config, server=replace(config.server, run_dir=tmp_path / "run"))


@pytest.fixture
def running(here: Config) -> Iterator[Config]:
    """A server that was started with this configuration."""
    with ExitStack() as stack:
        stack.enter_context(claim(here.server.run_dir, "web"))
        started_with.note(here.server.run_dir, "web", here)
        yield here


def written(name: str, did: str = "written", *, before: bool = True) -> dict[str, Written]:
    return {name: Written(Change(str(CONFIGURATION / name), did), before)}


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (written("Caddyfile"), "reload-or-restart hearth-proxy.service"),
        (written("Caddyfile", before=False), "start hearth-proxy.service"),
        (written("Caddyfile", "removed"), "stop hearth-proxy.service"),
        (written("turnserver.conf"), "restart hearth-turn.service"),
        (written("turn-certificate.env"), "start hearth-turn-certificate.service"),
        (written("proxy-certificate.pem") | written("proxy-key.pem"), RELOAD),
        (written("Caddyfile") | written("proxy-key.pem", "removed"), RELOAD),
    ],
)
def test_who_reads_a_file_reads_it_again(
    running: Config, systemctl: Systemctl, changed: dict[str, Written], asked: str
) -> None:
    assert start_anew(running, changed, dry_run=True).done != []
    assert systemctl.asked == []
    assert start_anew(running, changed, dry_run=False).notes == []
    assert systemctl.asked == [asked]


def test_the_certificate_is_there_before_coturn_is_started(running: Config, systemctl: Systemctl) -> None:
    start_anew(running, written("turnserver.conf") | written("turn-certificate.env"), dry_run=False)
    assert systemctl.asked == ["start hearth-turn-certificate.service", "restart hearth-turn.service"]


def test_a_server_is_started_anew_only_when_its_configuration_has_changed(
    running: Config, systemctl: Systemctl
) -> None:
    assert start_anew(running, {}, dry_run=False).done == []
    other = replace(running, web=replace(running.web, threads=7))
    assert [one.what for one in start_anew(other, {}, dry_run=False).done] == [services.SERVER]
    assert systemctl.asked == ["restart hearth-migrate.service"]


def test_a_server_that_does_not_run_is_left_alone(here: Config, systemctl: Systemctl) -> None:
    assert start_anew(here, {}, dry_run=False) == ([], [], [])
    assert systemctl.asked == []


def test_what_systemd_refuses_is_told(running: Config, systemctl: Systemctl) -> None:
    systemctl.refuses.touch()
    found = start_anew(running, written("Caddyfile"), dry_run=False)
    assert found.done == []
    assert found.faults == ["systemctl reload-or-restart hearth-proxy.service: no such unit"]


def test_without_systemd_people_are_told_what_to_start_again(
    here: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "_BOOTED", tmp_path / "none")
    found = start_anew(here, written("Caddyfile"), dry_run=False)
    assert found.notes == ["/etc/hearth/Caddyfile has changed: what reads it must be started again"]


def test_without_systemd_a_server_is_asked_to_start_anew(
    running: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "_BOOTED", tmp_path / "none")
    answers = [True, False]
    monkeypatch.setattr(restarts, "request_restart", lambda: answers.pop(0))
    other = replace(running, web=replace(running.web, threads=7))
    assert [one.did for one in start_anew(other, {}, dry_run=False).done] == ["started anew"]
    assert "start it again" in start_anew(other, {}, dry_run=False).faults[0]
