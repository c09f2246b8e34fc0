"""How debconf's answers come into their file beside what an owner has written there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "deb" / "answers.py"
ANSWERS = {"--name": "example.org", "--host": "matrix.example.org", "--tls-mode": "caddy", "--turn": "true"}
LOCAL = "postgresql:///hearth?host=/var/run/postgresql"


def write(file: Path, *, url: str = "", code: int = 0, **changed: str) -> str:
    """Answers the questions, and gives the text that is in the file then."""
    answers = ANSWERS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    command = [sys.executable, "-I", str(SCRIPT), *chain.from_iterable(answers.items()), str(file)]
    done = subprocess.run(command, input=url, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    if code == 0:
        file.write_text(done.stdout)
    return done.stdout


def settings(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "debconf.toml"


def test_answers_become_settings(file: Path) -> None:
    text = write(file, database="postgresql")
    assert settings(text) == {
        "server": {"name": "example.org", "public_baseurl": "https://matrix.example.org"},
        "database": {"url": LOCAL},
        "proxy": {"kind": "caddy", "file": "Caddyfile"},
        "turn": {
            "secret_file": "turn_secret",
            "server_file": "turnserver.conf",
            "certificate_file": "/var/lib/hearth-turn-tls/fullchain.pem",
            "key_file": "/var/lib/hearth-turn-tls/privkey.pem",
            "uris": [
                "turn:matrix.example.org:3478?transport=udp",
                "turn:matrix.example.org:3478?transport=tcp",
                "turns:matrix.example.org:5349?transport=tcp",
            ],
        },
    }
    assert "# debconf tls-mode=caddy\n# debconf turn=true\n" in text


def test_the_same_answers_leave_the_file_as_it_is(file: Path) -> None:
    first = write(file, database="url", url='postgresql://hearth:p"a\\ss@db/hearth')
    assert settings(first)["database"]["url"] == 'postgresql://hearth:p"a\\ss@db/hearth'
    assert write(file, database="url", url='postgresql://hearth:p"a\\ss@db/hearth') == first


def test_nothing_answered_is_nothing_set(file: Path) -> None:
    assert settings(write(file, name="", host="", turn="false")) == {}


def test_new_answers_replace_old_ones(file: Path) -> None:
    write(file, database="postgresql")
    found = settings(write(file, host="chat.example.org", database="sqlite"))
    assert found["server"]["public_baseurl"] == "https://chat.example.org"
    assert found["turn"]["uris"][0] == "turn:chat.example.org:3478?transport=udp"
    assert "database" not in found


def test_another_way_to_do_tls_replaces_all_that_belongs_to_the_one_before(file: Path) -> None:
    write(file, tls_mode="own-certificates")
    assert settings(file.read_text())["proxy"]["key_file"] == "tls/privkey.pem"
    assert set(settings(write(file))["proxy"]) == {"kind", "file"}
    found = settings(write(file, tls_mode="behind-proxy"))
    assert "proxy" not in found
    assert set(found["turn"]) == {"secret_file", "server_file", "uris"}
    assert len(found["turn"]["uris"]) == 2


def test_relays_follow_a_host_that_was_changed_by_hand(file: Path) -> None:
    changed = write(file).replace('"https://matrix.example.org"', '"https://chat.example.org"')
    file.write_text(changed)
    found = settings(write(file, host="chat.example.org"))
    assert found["turn"]["uris"][0] == "turn:chat.example.org:3478?transport=udp"


def test_relays_stay_where_the_host_is_written_as_no_question_shows_it(file: Path) -> None:
    changed = write(file).replace('"https://matrix.example.org"', "'http://matrix.example.org:80'")
    file.write_text(changed)
    assert write(file, host="") == changed


def test_relays_go_when_they_are_not_wanted_any_more(file: Path) -> None:
    write(file)
    assert "turn" not in settings(write(file, turn="false"))


@pytest.mark.parametrize(
    "line",
    [
        'public_baseurl = "http://matrix.example.org"',
        "public_baseurl = 'https://matrix.example.org'",
        'public_baseurl = "https://matrix.example.org/hearth/"',
        'public_baseurl = "https://other.example.org" # behind the old router',
    ],
)
def test_a_line_that_no_question_can_show_stays(file: Path, line: str) -> None:
    write(file)
    file.write_text(file.read_text().replace('public_baseurl = "https://matrix.example.org"', line))
    assert f"\n{line}\n" in write(file, host="")


def test_other_settings_and_comments_stay_where_they_are(file: Path) -> None:
    written = write(file, turn="false")
    by_hand = f'{written}max_upload = 1\n\n# For the family.\n[media]\nmax_upload_bytes = "1 GiB"\n'
    file.write_text(by_hand)
    text = write(file, turn="false", host="chat.example.org")
    assert text == by_hand.replace("matrix.example.org", "chat.example.org")


def test_relays_that_were_named_by_hand_stay(file: Path) -> None:
    write(file)
    relays = 'uris = [\n  "turn:relay.example.net?transport=udp", # rented\n]'
    text = file.read_text()
    file.write_text(text[: text.index("uris = ")] + relays + "\n")
    assert relays in write(file, host="chat.example.org")
    assert relays in write(file, turn="false")


def test_settings_that_are_written_in_another_way_are_not_written_twice(file: Path) -> None:
    by_hand = 'server.name = "example.org"\nserver.public_baseurl = "https://matrix.example.org"\n'
    file.write_text(by_hand)
    assert by_hand in write(file, turn="false", host="chat.example.org")


def test_the_relay_is_at_the_address_that_the_setup_page_wrote(file: Path) -> None:
    found = settings(write(file, name="", host="", host_of_setup="chat.example.org:8443"))
    assert found["turn"]["uris"][0] == "turn:chat.example.org:3478?transport=udp"
    assert "server" not in found


def test_nothing_is_made_of_a_file_with_a_mistake(file: Path) -> None:
    file.write_text('[server]\nname = "example.org\n')
    assert write(file, code=1) == ""
