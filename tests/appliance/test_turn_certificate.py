"""Handing certificates to coturn, and telling clients of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.cli.__main__ import main
from appliance.config.sections.calls import Turn
from appliance.diagnostics.checks import turn as checks
from appliance.diagnostics.result import Status
from appliance.turn_certificate import CERTIFICATE, KEY, NOBODY
from appliance.turn_offers import offered_uris, why_withheld
from tests.factories.client import ClientFactory
from tests.factories.settings import settings
from tests.federation.certificates import Authority

HOST = "turn.example"
PLAIN, SECURE = f"turn:{HOST}:3478?transport=udp", f"turns:{HOST}:5349?transport=tcp"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Where Caddy keeps what it has got."""
    return tmp_path / "caddy"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "turn"
    folder.mkdir()
    return folder


def get(storage: Path, pair: tuple[bytes, bytes], issuer: str = "acme-v02.example-directory") -> None:
    """Caddy gets a certificate."""
    folder = storage / "certificates" / issuer / HOST
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{HOST}.crt").write_bytes(pair[0])
    (folder / f"{HOST}.key").write_bytes(pair[1])


def handed_over(
    storage: Path, target: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, bool]:
    arguments = ["--storage", str(storage), "--host", HOST, "--to", str(target), "--json", *more]
    assert main(["turn-certificate", *arguments]) == 0
    told: dict[str, bool] = json.loads(capsys.readouterr().out)
    return told


def test_the_certificate_that_lasts_longest_is_handed_over_once(
    storage: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    get(storage, authority.pair(HOST, days=10), "one")
    get(storage, authority.pair("other.example", days=90), "two")
    best = authority.pair("*.example", days=30)
    get(storage, best, "three")
    assert handed_over(storage, target, capsys) == {"found": True, "changed": True}
    assert ((target / CERTIFICATE).read_bytes(), (target / KEY).read_bytes()) == best
    assert handed_over(storage, target, capsys) == {"found": True, "changed": False}


def test_a_certificate_that_caddy_is_just_getting_is_waited_for(
    storage: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = authority.pair(HOST)
    get(storage.with_name("draft"), pair)
    caddy = threading.Timer(0.2, os.rename, (storage.with_name("draft"), storage))
    caddy.start()
    told = handed_over(storage, target, capsys, "--wait", "60")
    caddy.join()
    assert told == {"found": True, "changed": True}
    assert (target / CERTIFICATE).read_bytes() == pair[0]


def test_only_the_group_reads_the_key_whatever_the_mask_is(
    storage: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    get(storage, authority.pair(HOST))
    before = os.umask(0o777)
    try:
        handed_over(storage, target, capsys)
    finally:
        os.umask(before)
    modes = [(target / name).stat().st_mode & 0o777 for name in (CERTIFICATE, KEY)]
    assert modes == [0o644, 0o640]
    assert sorted(path.name for path in target.iterdir()) == [CERTIFICATE, KEY]


def test_until_there_is_one_there_is_one_for_nobody_which_is_made_once(
    storage: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handed_over(storage, target, capsys) == {"found": False, "changed": True}
    made = (target / CERTIFICATE).read_bytes()
    assert handed_over(storage, target, capsys) == {"found": False, "changed": False}
    assert (target / CERTIFICATE).read_bytes() == made


def test_what_was_got_stays_when_caddy_has_lost_it(
    storage: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = authority.pair(HOST)
    get(storage, pair)
    handed_over(storage, target, capsys)
    (storage / "certificates").rename(storage / "gone")
    assert handed_over(storage, target, capsys) == {"found": False, "changed": False}
    assert (target / CERTIFICATE).read_bytes() == pair[0]


def test_a_key_of_another_certificate_changes_nothing(
    tmp_path: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when somebody has replaced one of the two files and not the other yet."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(authority.pair(HOST)[0])
    key.write_bytes(authority.pair(HOST)[1])
    given = ["--certificate", str(certificate), "--key", str(key), "--to", str(target)]
    assert main(["turn-certificate", *given]) == 1
    assert "do not belong together" in capsys.readouterr().err
    assert list(target.iterdir()) == []
    certificate.write_bytes(authority.pair(HOST)[0])
    pair = authority.pair(HOST)
    certificate.write_bytes(pair[0])
    key.write_bytes(pair[1])
    assert main(["turn-certificate", *given, "--note", str(tmp_path / "changed")]) == 0
    assert (target / KEY).read_bytes() == pair[1]
    assert (tmp_path / "changed").exists()
    (tmp_path / "changed").unlink()
    assert main(["turn-certificate", *given, "--note", str(tmp_path / "changed")]) == 0
    assert not (tmp_path / "changed").exists()


@pytest.mark.parametrize(
    "given",
    [
        ["--storage", "x"],
        ["--storage", "x", "--every", "1"],
        ["--certificate", "x"],
        ["--certificate", "x", "--key", "y"],
        ["--certificate", "x", "--key", "y", "--host", "z"],
    ],
    ids=" ".join,
)
def test_what_is_missing_is_told(given: list[str], target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["turn-certificate", *given, "--to", str(target)]) == 1
    assert capsys.readouterr().err.strip()


def test_a_folder_that_cannot_be_written_is_told(
    storage: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--storage", str(storage), "--host", HOST, "--to", str(target / "nothing")]
    assert main(["turn-certificate", *given]) == 1
    assert f"{target}/nothing cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon", "100000"])
def test_what_is_no_time_to_wait_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["turn-certificate", "--storage", "x", "--host", HOST, "--to", "y", "--every", seconds])
    assert "is no number of seconds" in capsys.readouterr().err


def test_whoever_stays_hands_over_what_is_renewed_and_says_so_once(
    storage: Path, target: Path, authority: Authority
) -> None:
    given = ["--storage", str(storage), "--host", HOST, "--to", str(target), "--every", "0.05", "--json"]
    command = [sys.executable, "-m", "appliance.cli", "turn-certificate", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"found": False, "changed": True}
        for days in (30, 60):  # the second is a renewal
            pair = authority.pair(HOST, days=days)
            get(storage, pair)
            # It may look while the two files are being written, and says then what is wrong with them.
            assert '{"found": true, "changed": true}\n' in process.stdout
            assert (target / CERTIFICATE).read_bytes() == pair[0]
        target.rename(target.with_name("away"))
        assert "cannot be written" in process.stdout.readline()
        target.with_name("away").rename(target)
        assert json.loads(process.stdout.readline()) == {"found": True, "changed": False}
        process.terminate()
        assert process.stdout.read() == ""
        assert process.wait(20) == -signal.SIGTERM


def test_turns_is_offered_only_while_there_is_a_certificate_for_it(
    storage: Path, target: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    turn = Turn(uris=(PLAIN, SECURE), certificate_file=target / CERTIFICATE)
    assert offered_uris(turn) == [PLAIN]
    assert "No such file" in why_withheld(turn, SECURE)
    handed_over(storage, target, capsys)
    assert offered_uris(turn) == [PLAIN]
    assert "has no certificate for turn.example yet" in why_withheld(turn, SECURE)
    get(storage, authority.pair(HOST))
    handed_over(storage, target, capsys)
    assert offered_uris(turn) == [PLAIN, SECURE]
    (target / CERTIFICATE).write_bytes(authority.pair("other.example")[0])
    assert "is for other.example, and not for turn.example" in why_withheld(turn, SECURE)
    (target / CERTIFICATE).write_bytes(authority.pair(HOST, days=-1)[0])
    assert "expired" in why_withheld(turn, SECURE)
    (target / CERTIFICATE).write_text("nothing")
    assert offered_uris(turn) == [PLAIN]


def test_of_a_server_elsewhere_everything_is_offered() -> None:
    assert offered_uris(Turn(uris=(PLAIN, SECURE))) == [PLAIN, SECURE]
    assert offered_uris(Turn(uris=("turns:[2001:db8::1]",))) == ["turns:[2001:db8::1]"]


def test_clients_and_checks_hear_of_it(clients: ClientFactory, target: Path) -> None:
    keys = {"uris": (PLAIN, SECURE), "secret": "s", "certificate_file": target / CERTIFICATE}
    with settings(turn=keys):
        assert clients.make().get("/voip/turnServer").body["uris"] == [PLAIN]
        found = checks.tls()
    assert found.status is Status.WARN
    assert NOBODY not in found.summary
