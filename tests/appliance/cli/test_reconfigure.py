"""`hearth reconfigure`, from the configuration to what follows from it."""

from __future__ import annotations

import json
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_q.models import Schedule

from appliance import secrets
from appliance.cli.__main__ import main
from appliance.config import Config, current, load_config, use_config
from appliance.own_certificate import is_current
from matrix_app import schedule
from matrix_app.services.audit import CLI
from matrix_app.services.own_certificate import remove_certificate, upload_certificate
from tests.federation.certificates import Authority

pytestmark = pytest.mark.django_db(transaction=True)

CONFIGURATION = """
[server]
name = "example.org"
public_baseurl = "https://matrix.example.org"
data_dir = "data"
[proxy]
kind = "nginx"
file = "nginx.conf"
[turn]
uris = ["turn:matrix.example.org"]
secret_file = "turn_secret"
server_file = "turnserver.conf"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEARTH_SERVER__DATA_DIR", raising=False)
    monkeypatch.setenv("HEARTH_CONFIG", str(tmp_path / "hearth.toml"))
    (tmp_path / "hearth.toml").write_text(CONFIGURATION)
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Iterator[Config]:
    with use_config(load_config()) as config:
        yield config


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, list]:
    assert main(["reconfigure", "--json", *arguments]) == code
    found: dict[str, list] = json.loads(capsys.readouterr().out)
    return found


def names(found: dict[str, list]) -> set[str]:
    return {one["what"].rpartition("/")[2] for one in found["changes"]}


def make_ready(config: Config) -> None:
    """As the first start does."""
    config.server.data_dir.mkdir(exist_ok=True)
    config.server.secrets_dir.mkdir()
    secrets.create_all()
    schedule.install()


def test_what_follows_is_made_once(config: Config, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_ready(config)
    (config.server.secrets_dir / "sealing_key").unlink()
    Schedule.objects.first().delete()
    expected = {"nginx.conf", "turnserver.conf", "turn_secret", "sealing_key", "schedule"}
    assert expected <= names(told(capsys, "--dry-run"))
    assert not (folder / "nginx.conf").exists()
    assert not schedule.is_installed()
    assert expected <= names(told(capsys))
    assert "server_name matrix.example.org" in (folder / "nginx.conf").read_text()
    assert "static-auth-secret=" in (folder / "turnserver.conf").read_text()
    assert schedule.is_installed()
    assert secrets.missing() == []
    again = told(capsys)
    assert (again["changes"], again["services"]) == ([], [])


def test_a_server_that_has_never_run_gets_its_files_and_nothing_else(
    config: Config, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys)
    assert "has not run yet" in found["notes"][0]
    assert (folder / "nginx.conf").exists()
    assert not (folder / "data" / "hearth.sqlite3").exists()
    assert [path.name for path in (folder / "data" / "secrets").iterdir()] == ["turn_secret"]


def test_people_are_told_what_has_changed(
    config: Config, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ready(config)
    assert main(["reconfigure"]) == 0
    capsys.readouterr()
    (folder / "nginx.conf").write_text("# by hand\n")
    assert main(["reconfigure", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "nginx.conf: would be written" in shown
    assert "    -# by hand" in shown
    assert main(["reconfigure"]) == 0
    capsys.readouterr()
    assert main(["reconfigure"]) == 0
    assert capsys.readouterr().out == "everything follows from the configuration already\n"


def test_a_wrong_configuration_is_told_whole_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "hearth.toml").write_text(
        CONFIGURATION.replace('file = "nginx.conf"', "") + 'relay_ports = "1-2"\nexternal_ip = "here"\n'
    )
    monkeypatch.setattr(current._Current, "config", None)
    assert main(["reconfigure"]) == 2
    shown = capsys.readouterr().err
    assert all(key in shown for key in ("proxy.file", "turn.relay_ports", "turn.external_ip"))
    assert [path.name for path in folder.iterdir()] == ["hearth.toml"]


def test_what_cannot_be_made_is_a_fault_and_leaves_what_there_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "hearth.toml").write_text(CONFIGURATION.replace("https://matrix.example.org", ""))
    (folder / "nginx.conf").write_text("as before")
    with use_config(load_config()):
        found = told(capsys, code=1)
    assert "set server.public_baseurl" in found["faults"][0]
    assert (folder / "nginx.conf").read_text() == "as before"


def test_the_file_of_the_setup_may_say_names_and_nothing_else(folder: Path) -> None:
    """The server can write it, and root reads the configuration too."""
    from appliance.config import ConfigError

    (folder / "data").mkdir()
    (folder / "data" / "setup.toml").write_text('[server]\nname = "x.org"\n[proxy]\nfile = "/etc/passwd"\n')
    with pytest.raises(ConfigError, match="may not say proxy"):
        load_config()


def test_an_uploaded_certificate_is_handed_to_the_proxy_and_taken_back(
    config: Config, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ready(config)
    chain, key = Authority(folder).pair("matrix.example.org", "example.org", days=90)
    upload_certificate(CLI, chain, key)
    assert main(["reconfigure"]) == 0
    assert key.splitlines()[1].decode() not in capsys.readouterr().out
    assert f"ssl_certificate_key {folder / 'proxy-key.pem'}" in (folder / "nginx.conf").read_text()
    handed = (folder / "proxy-certificate.pem").read_bytes()
    assert handed.endswith(chain)
    assert (folder / "proxy-key.pem").read_bytes().endswith(key)
    assert stat.S_IMODE((folder / "proxy-key.pem").stat().st_mode) == 0o640
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        folder / "proxy-certificate.pem", folder / "proxy-key.pem"
    )
    assert is_current(config)
    upload_certificate(CLI, *Authority(folder).pair("matrix.example.org", days=90))
    assert not is_current(config)
    assert {"proxy-certificate.pem", "proxy-key.pem"} <= names(told(capsys))
    assert not list(folder.glob("proxy-key.pem.old"))
    remove_certificate(CLI)
    assert {"proxy-certificate.pem", "proxy-key.pem", "nginx.conf"} <= names(told(capsys))
    assert not (folder / "proxy-key.pem").exists()
