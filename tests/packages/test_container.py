"""The container image: what can be told without building it, and, slow, its life in short.

`packaging/tests/container` without --quick lives through more, compose.yaml among it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.cli.verbs import Verb, verb_named
from appliance.config import load_config
from appliance.proxy.site import site_of

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "packaging" / "container"
STORY = PROJECT / "packaging" / "tests" / "container"
SCRIPTS = [
    path
    for folder in (FOLDER, STORY.parent, STORY.parent / "image" / "stand_ins")
    for path in sorted(folder.iterdir())
    if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))
]
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def named(name: str) -> Verb:
    """A verb that there is."""
    found = verb_named(name)
    assert found is not None
    return found


def composition(**environ: str) -> dict[str, Any]:
    """compose.yaml, with variables in their places."""

    def value(match: re.Match[str]) -> str:
        if match[1] in environ:
            return environ[match[1]]
        assert match[2] == "-", f"{match[0]} is not in .env"
        return match[3]

    found: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, (FOLDER / "compose.yaml").read_text()))
    return found


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = composition(SERVER_NAME="example.org", PUBLIC_HOST="matrix.example.org")[
        "services"
    ]
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_shell_understands_every_script(script: Path) -> None:
    shell = "bash" if b"bash" in script.read_bytes()[:20] else "sh"
    subprocess.run([shell, "-n", script], check=True)


def test_two_names_are_all_that_an_owner_must_write() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    assert {match[1] for match in VARIABLE.finditer(text) if match[2] == "?"} == {
        "SERVER_NAME",
        "PUBLIC_HOST",
    }
    with pytest.raises(AssertionError, match=r"is not in \.env"):
        composition(SERVER_NAME="example.org")


def test_what_the_composition_sets_is_a_configuration_that_proxies_can_be_told(
    tmp_path: Path, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = dict(services["hearth"]["environment"])
    (tmp_path / "url").write_text("postgresql://hearth:secret@database/hearth")
    environ["HEARTH_DATABASE__URL_FILE"] = "url"
    config = load_config(environ)
    assert config.database.url == "postgresql://hearth:secret@database/hearth"
    assert site_of(config).host == "matrix.example.org"
    assert config.turn.uris == (
        "turn:matrix.example.org?transport=udp",
        "turn:matrix.example.org?transport=tcp",
        "turns:matrix.example.org?transport=tcp",
    )
    prepared = services["prepare"]["environment"]
    assert {name: prepared[name] for name in environ} == services["hearth"]["environment"]


def test_every_container_of_ours_and_those_beside_it_is_confined(services: dict[str, Any]) -> None:
    for name in ("prepare", "hearth", "caddy", "turn-certificate", "coturn"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert all(
        port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ())
    )


def test_only_volumes_that_are_declared_are_mounted(services: dict[str, Any]) -> None:
    mounted = {text.partition(":")[0] for service in services.values() for text in service["volumes"]}
    declared = composition(SERVER_NAME="a.org", PUBLIC_HOST="a.org")["volumes"]
    assert mounted == set(declared)


def test_the_user_is_the_same_wherever_it_is_named(services: dict[str, Any]) -> None:
    containerfile = (FOLDER / "Containerfile").read_text()
    (user,) = re.findall(r"^USER (\d+):\1$", containerfile, re.MULTILINE)
    assert f"useradd --uid {user} " in containerfile
    assert f"USER = {user}\n" in (FOLDER / "hearth").read_text()
    assert services["caddy"]["group_add"] == [user]


def test_the_certificate_is_handed_to_the_group_that_coturn_is_in(services: dict[str, Any]) -> None:
    handing, coturn, hearth = services["turn-certificate"], services["coturn"], services["hearth"]
    assert handing["user"].split(":")[1] == coturn["user"].split(":")[1]
    assert "cap_add" not in handing
    environ = hearth["environment"]
    assert environ["HEARTH_TURN__CERTIFICATE_FILE"] == "/turn-tls/fullchain.pem"
    assert environ["HEARTH_TURN__KEY_FILE"] == "/turn-tls/privkey.pem"
    verb, *given = handing["command"]
    found = named(verb).parser().parse_args(given)
    assert (str(found.to), found.host, found.every) == ("/turn-tls", "matrix.example.org", 20)
    assert str(found.storage) == "/caddy/caddy", "below the folder that is /data to Caddy"
    assert [text for text in handing["volumes"] if not text.endswith(":ro")] == ["turn-tls:/turn-tls"]
    for service in (coturn, hearth):
        assert "turn-tls:/turn-tls:ro" in service["volumes"]


@pytest.mark.slow
def test_coturn_is_told_of_another_certificate_and_of_nothing_else(tmp_path: Path) -> None:
    """With a program in its place that says what it hears."""
    script = (FOLDER / "run-coturn").read_text().replace("seconds=10", "seconds=0.1")
    (tmp_path / "run-coturn").write_text(script)
    standing_in = "#!/bin/sh\ntrap 'echo told' USR2\necho began\nwhile :; do sleep 0.05; done\n"
    (tmp_path / "turnserver").write_text(standing_in)
    (tmp_path / "turnserver").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    tls = tmp_path / "tls"
    tls.mkdir()
    with subprocess.Popen(
        ["sh", tmp_path / "run-coturn", tls],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        try:
            (tls / "fullchain.pem").write_text("for nobody")  # it waits until there is some certificate
            assert process.stdout.readline() == "began\n"
            for file in ("privkey.pem", "fullchain.pem"):
                (tmp_path / "new").write_text("another")
                (tmp_path / "new").rename(tls / file)
                told = {process.stdout.readline(), process.stdout.readline()}
                assert told == {"told\n", "another certificate: coturn reads it\n"}
        finally:
            watchdog.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout.read() == ""
