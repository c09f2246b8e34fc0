"""Prints conf.d/debconf.toml with debconf's answers; what was changed there by hand stays.

A line follows the answer when the question can show what the line says, or when it says what the package
writes by itself. Every other line stays as it is: other settings, comments, values in another spelling.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

HEAD: Final = "# Written by dpkg-reconfigure hearth, which keeps what is changed here by hand."
LOCAL_DATABASE: Final = "postgresql:///hearth?host=/var/run/postgresql"
Place = tuple[str, str]
Value = str | list[str]
# What no question shows, of answers that need more than one setting.
PROXY: Final[dict[Place, Value]] = {("proxy", "kind"): "caddy", ("proxy", "file"): "Caddyfile"}
OWN_CERTIFICATE: Final[dict[Place, Value]] = {
    ("proxy", "certificate_file"): "tls/fullchain.pem",
    ("proxy", "key_file"): "tls/privkey.pem",
}
COTURN: Final[dict[Place, Value]] = {
    ("turn", "secret_file"): "turn_secret",
    ("turn", "server_file"): "turnserver.conf",
}
# By hearth-turn-certificate.service; until then clients are not told of turns:.
HANDED_OVER: Final[dict[Place, Value]] = {
    ("turn", "certificate_file"): "/var/lib/hearth-turn-tls/fullchain.pem",
    ("turn", "key_file"): "/var/lib/hearth-turn-tls/privkey.pem",
}
SECTION: Final = re.compile(r"\s*\[([^\[\]]+)\]")
RELAY: Final = re.compile(r"^# debconf relay=(.+)$", re.MULTILINE)
KEY: Final = re.compile(r"\s*([\w-]+)\s*=")
# As the questions read them, in hearth.config.
SHOWN: Final = {
    ("server", "name"): re.compile(r'name = "([^"\\]+)"\n?'),
    ("server", "public_baseurl"): re.compile(r'public_baseurl = "https://([^"\\/]+)/?"\n?'),
    ("database", "url"): re.compile(r'url = "([^"\\]+)"\n?'),
}


class Entry(NamedTuple):
    """A line of the file, or several that are one value; `key` is empty for headers and comments."""

    section: str
    key: str
    text: str


def main() -> int:
    """Prints the new text, or what is wrong with the old one."""
    arguments = read_arguments()
    old = arguments.file.read_text(encoding="utf-8") if arguments.file.exists() else ""
    try:
        parsed = tomllib.loads(old)
        new = merged(old, parsed, arguments, sys.stdin.read().strip())
        tomllib.loads(new)
    except tomllib.TOMLDecodeError as fault:
        print(f"{arguments.file} stays as it is: {fault}", file=sys.stderr)
        return 1
    print(new, end="")
    return 0


def read_arguments() -> argparse.Namespace:
    """The answers; a password belongs into no command line, so the address comes from the standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--name", "--host", "--host-of-setup", "--tls-mode", "--database", "--turn"):
        parser.add_argument(name, default="")
    parser.add_argument("file", type=Path)
    return parser.parse_args()


def merged(old: str, parsed: dict[str, Any], answers: argparse.Namespace, url: str) -> str:
    """The file with the answers, its own lines where they are."""
    relay = relay_host(parsed, answers) if answers.turn == "true" else ""
    values = settings_for(answers, url, relay, is_named=bool(relay_host(parsed, answers)))
    wanted = {place: line(place[1], value) for place, value in values.items()}
    own = written_before(old)
    kept: list[Entry] = []
    for entry in entries_of(old):
        place = (entry.section, entry.key)
        if place not in wanted:
            kept.append(entry)
            continue
        if text := follow(entry, wanted.pop(place), own.get(place, [])):
            kept.append(entry._replace(text=text))
    for place, text in wanted.items():
        if text and place[1] not in parsed.get(place[0], {}):
            add(kept, Entry(*place, text))
    body = "".join(entry.text for entry in kept if not is_left_over(entry, kept)).lstrip("\n")
    return head(answers, relay) + (f"\n{body}" if body else "")


def relay_host(parsed: dict[str, Any], answers: argparse.Namespace) -> str:
    """The name for clients, whoever has said it; coturn is there too."""
    by_hand = str(parsed.get("server", {}).get("public_baseurl", ""))
    host = answers.host or urlsplit(by_hand).hostname or answers.host_of_setup
    return re.sub(r":[0-9]+$", "", host)


def settings_for(answers: argparse.Namespace, url: str, relay: str, *, is_named: bool) -> dict[Place, Value]:
    """What the answers come to; nothing, in place of a value, where they say nothing."""
    proxied = is_named and answers.tls_mode in ("caddy", "own-certificates")
    values: dict[Place, Value] = {
        ("server", "name"): answers.name,
        ("server", "public_baseurl"): answers.host and f"https://{answers.host}",
        ("database", "url"): {"postgresql": LOCAL_DATABASE, "url": url}.get(answers.database, ""),
        ("turn", "uris"): uris_at(relay, tls=proxied) if relay else [],
    }
    for group, is_wanted in (
        (PROXY, proxied),
        (OWN_CERTIFICATE, proxied and answers.tls_mode == "own-certificates"),
        (COTURN, bool(relay)),
        (HANDED_OVER, bool(relay) and proxied),
    ):
        values |= group if is_wanted else dict.fromkeys(group, "")
    return values


def line(key: str, value: Value) -> str:
    """A setting as TOML writes it."""
    return f"{key} = {json.dumps(value, ensure_ascii=False)}\n" if value else ""


def uris_at(host: str, *, tls: bool) -> list[str]:
    """Where clients find coturn, with its usual ports."""
    plain = [f"turn:{host}:3478?transport={transport}" for transport in ("udp", "tcp")]
    return [*plain, f"turns:{host}:5349?transport=tcp"] if tls else plain


def written_before(old: str) -> dict[Place, list[Value]]:
    """What the package may have written by itself: no question shows it."""
    own: dict[Place, list[Value]] = {
        place: [value] for place, value in (PROXY | OWN_CERTIFICATE | COTURN | HANDED_OVER).items()
    }
    if relay := RELAY.search(old):
        own["turn", "uris"] = [uris_at(relay[1], tls=tls) for tls in (False, True)]
    return own


def follow(entry: Entry, wanted: str, own: list[Value]) -> str:
    """The line that stands for an answer: the old one as long as it says the same, or was made by hand."""
    shown = SHOWN.get((entry.section, entry.key))
    if shown is None:
        is_by_hand = tomllib.loads(entry.text)[entry.key] not in own
        return entry.text if is_by_hand else wanted
    before, after = shown.fullmatch(entry.text), shown.fullmatch(wanted)
    if before is None or (after is not None and before[1] == after[1]):
        return entry.text
    return wanted


def entries_of(text: str) -> list[Entry]:
    """The lines, without those that are written anew at the top."""
    found: list[Entry] = []
    section = ""
    lines = text.splitlines(keepends=True)
    while lines:
        taken = lines.pop(0)
        if header := SECTION.match(taken):
            section = header[1].strip()
        key = KEY.match(taken)
        while key and lines and not is_whole(taken):
            taken += lines.pop(0)
        if not taken.startswith(("# Written by dpkg-reconfigure hearth", "# debconf ")):
            found.append(
                Entry(section, key[1] if key else "", taken if taken.endswith("\n") else f"{taken}\n")
            )
    return found


def is_whole(text: str) -> bool:
    """Whether a value ends here."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def add(entries: list[Entry], entry: Entry) -> None:
    """Puts a line at the end of its section, which is made when there is none."""
    at = [index for index, one in enumerate(entries) if one.section == entry.section and one.text.strip()]
    if not at:
        entries.append(Entry(entry.section, "", f"\n[{entry.section}]\n"))
        at = [len(entries) - 1]
    entries.insert(at[-1] + 1, entry)


def is_left_over(entry: Entry, entries: list[Entry]) -> bool:
    """Whether this is the header of a section that has nothing in it any more."""
    others = [
        one for one in entries if one is not entry and one.section == entry.section and one.text.strip()
    ]
    return not others and bool(SECTION.match(entry.text.strip()))


def head(answers: argparse.Namespace, relay: str) -> str:
    """What no setting says, so that the questions can show it."""
    lines = [f"# debconf {name}={getattr(answers, name.replace('-', '_'))}" for name in ("tls-mode", "turn")]
    if relay:
        lines.append(f"# debconf relay={relay}")
    return "\n".join([HEAD, *lines]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
