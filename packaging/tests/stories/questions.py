"""debconf's questions: preseeded, asked, asked again; and what an owner writes in the files beside them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import time
from pathlib import Path
from typing import Any, Final

from stories.system import SECONDS, call, install, prepare_system, preseed, purge, timed

FOLDER: Final = Path("/etc/hearth")
ANSWERS: Final = FOLDER / "conf.d" / "debconf.toml"
SETUP: Final = Path("/var/lib/hearth/setup.toml")
SECRET: Final = "s3cret+of%2Fthe=database"
REMOTE: Final = f"postgresql://hearth:{SECRET}@db.example.org/hearth"
BY_HAND: Final = """
[media]  # more than most
max_upload_bytes = 1000
"""


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    prepare_system()
    for check in (
        check_every_answer_can_be_given_before,
        check_asking_again_changes_nothing,
        check_hands_win,
        check_a_mistake_is_told_and_kept,
        check_names_that_are_none,
        check_the_setup_page_has_asked,
        check_a_person_answers,
    ):
        timed(check.__name__.removeprefix("check_").replace("_", " "), check)


def check_every_answer_can_be_given_before() -> None:
    """All of them, without anybody to ask."""
    preseed(
        "server-name string example.org",
        "public-host string matrix.example.org:8443",
        "tls-mode select behind-proxy",
        "database select url",
        f"database-url password {REMOTE}",
        "turn boolean true",
    )
    install("new")
    found = settings()
    assert found["server.name"] == '"example.org"'
    assert found["server.public_baseurl"] == '"https://matrix.example.org:8443"'
    assert found["turn.uris"].startswith('["turn:matrix.example.org:3478?transport=udp"')
    assert REMOTE in ANSWERS.read_text()
    assert SECRET not in "".join(file.read_text() for file in Path("/var/cache/debconf").glob("*.dat"))


def check_asking_again_changes_nothing() -> None:
    """As often as one likes, and in an upgrade."""
    before = files()
    reconfigure()
    reconfigure()
    assert files() == before
    install_again()
    assert files() == before


def check_hands_win() -> None:
    """A value that a question can show is shown; others stay, and so does everything else in the file."""
    text = (
        ANSWERS.read_text().replace("https://matrix.example.org:8443", "https://chat.example.org") + BY_HAND
    )
    ANSWERS.write_text(text)
    reconfigure()
    relays = text.replace("matrix.example.org:3478", "chat.example.org:3478")
    assert ANSWERS.read_text() == relays.replace("relay=matrix.example.org", "relay=chat.example.org")
    text = ANSWERS.read_text().replace('"https://chat.example.org"', "'http://chat.example.org:80'")
    ANSWERS.write_text(text)
    main_file = FOLDER / "hearth.toml"
    main_file.write_text(main_file.read_text().replace("\n[presence]\n", "\n[presence]\nenabled = false\n"))
    reconfigure()
    install_again()
    assert ANSWERS.read_text() == text
    assert settings()["presence.enabled"] == "false"
    assert settings()["server.public_baseurl"] == '"http://chat.example.org:80"'


def check_a_mistake_is_told_and_kept() -> None:
    """The package is configured all the same, so that apt goes on."""
    good = ANSWERS.read_text()
    ANSWERS.write_text(good.replace("[media]", "[media"))
    install_again()
    assert ANSWERS.read_text() == good.replace("[media]", "[media")
    ANSWERS.write_text(good)
    reconfigure()
    assert ANSWERS.read_text() == good


def check_names_that_are_none() -> None:
    """Without anybody to ask, a name that is none is no answer."""
    start_anew()
    preseed("server-name string not a name", "database select sqlite", "turn boolean false")
    install("new")
    assert "[server]" not in ANSWERS.read_text()


def check_the_setup_page_has_asked() -> None:
    """What it was told is in effect, and not asked again."""
    SETUP.write_text('[server]\nname = "example.net"\npublic_baseurl = "https://m.example.net"\n')
    preseed("turn boolean true")
    ANSWERS.write_text(ANSWERS.read_text().replace("turn=false", "turn=true"))
    reconfigure()
    found = settings()
    assert found["server.name"] == '"example.net"'
    assert found["turn.uris"].startswith('["turn:m.example.net:3478?transport=udp"')
    assert "[server]" not in ANSWERS.read_text()


def check_a_person_answers() -> None:
    """Each question is put, and knows what is in effect when it is put again."""
    start_anew()
    call("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", "/dev/pts")
    preseed("server-name string ", "turn boolean false")
    install("new")
    asked = answer(
        {
            "Name of this server": "not a name",
            "Name under which clients": "chat.example.com",
            "Who does TLS": "own-certificates",
            "Run coturn": "yes",
            "Where everything but media": "url",
            "Address of the database": REMOTE,
        },
        again={"Name of this server": "example.com"},
    )
    assert "This is not a host name" in asked
    text = ANSWERS.read_text()
    for part in ('name = "example.com"', '"https://chat.example.com"', "tls-mode=own-certificates", REMOTE):
        assert part in text, text
    ANSWERS.write_text(text.replace("https://chat.example.com", "https://talk.example.com"))
    reconfigure()
    assert "hearth/public-host: talk.example.com\n" in call("debconf-show", "hearth")


def answer(first: dict[str, str], again: dict[str, str]) -> str:
    """Runs dpkg-reconfigure at a terminal, and gives what was on it."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"DEBIAN_FRONTEND": "teletype", "DEBIAN_PRIORITY": "low", "TERM": "dumb"}
        os.execvp("dpkg-reconfigure", ["dpkg-reconfigure", "-plow", "hearth"])
    seen, judged = "", 0
    replies = [*first.items(), *again.items()]
    deadline = time.monotonic() + SECONDS
    while part := read(terminal, deadline, seen):
        seen += part
        if re.search(r"(: |\]|\)) ?$", seen[judged:]) or seen.endswith("[More] "):
            question = max(replies, key=lambda reply: seen.rfind(reply[0], judged), default=("", ""))
            known = question[0] and seen.rfind(question[0], judged) >= 0
            if known:
                replies.remove(question)
            os.write(terminal, f"{question[1] if known else ''}\n".encode())
            judged = len(seen)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, seen
    assert not replies, f"not asked: {replies}\n{seen}"
    return seen


def read(terminal: int, deadline: float, seen: str) -> str:
    """What comes next from a terminal; nothing at its end."""
    ready = select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]
    assert ready, f"the terminal is silent after\n{seen}"
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


def settings() -> dict[str, str]:
    """Every setting in effect, as TOML."""
    shown: dict[str, Any] = json.loads(call("hearth", "config", "--json"))
    return {name: one["toml"] for name, one in shown.items()}


def reconfigure() -> None:
    """Without anybody to ask."""
    call("dpkg-reconfigure", "hearth")


def install_again() -> None:
    """As an upgrade runs the scripts of the package."""
    call("dpkg", "-i", *map(str, Path("/test/new").glob("hearth_*.deb")))


def files() -> dict[str, bytes]:
    """Everything in the folder of the configuration."""
    return {str(file): file.read_bytes() for file in sorted(FOLDER.rglob("*")) if file.is_file()}


def start_anew() -> None:
    """As if the packages had never been here."""
    preseed("purge-data boolean true")
    purge()
    assert not FOLDER.exists()
    SETUP.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
