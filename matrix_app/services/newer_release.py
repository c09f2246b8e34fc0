"""Whether there is a newer release: somebody is asked once a day, where the owner has said whom."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.protocol.errors import BadGateway
from matrix_app.services.outgoing_http import get
from matrix_app.storage import db, newest_release
from matrix_app.storage.clock import now_ms

# What is no release, such as 1.2.0-rc1, is not told of.
_VERSION: Final = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){0,3})")
_LONGEST_URL: Final = 500
_DAY_MS: Final = 24 * 3_600_000


class Release(NamedTuple):
    """A release, and where it is told of: an https address, or nothing."""

    version: str
    url: str


def ask_for_release() -> None:
    """Ask the address of `updates.url` for the newest release, if that was a day ago, and keep the answer."""
    address, row = get_config().updates.url, newest_release.get()
    if not address or (row is not None and now_ms() - row.asked_ts < _DAY_MS):
        return
    found, fault = _asked(address)
    with db.write():
        if found is None:
            newest_release.put_fault(fault, now_ms())
        else:
            newest_release.put(found.version, found.url, now_ms())


def _asked(address: str) -> tuple[Release | None, str]:
    """The release that an address names, or why there is none."""
    try:
        answer = get(address)
    except BadGateway as fault:
        return None, fault.message
    found = release_of(answer.json()) if answer.status == 200 else None
    return found, "" if found else f"The answer ({answer.status}) names no release"


def release_of(answer: dict[str, Any]) -> Release | None:
    """The release in an answer: `version` and `url`, or as forges name them; None for anything else."""
    version = answer.get("version") or answer.get("tag_name")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        return None
    url = answer.get("url") if "version" in answer else answer.get("html_url")
    is_link = isinstance(url, str) and url.startswith("https://") and len(url) <= _LONGEST_URL
    return Release(match[1], str(url) if is_link else "")


def newer_release() -> Release | None:
    """The release that was heard of last, where it is newer than this one and somebody is still asked."""
    row = newest_release.get() if get_config().updates.url else None
    if row is None or not row.version or _numbers(row.version) <= _numbers(VERSION):
        return None
    return Release(row.version, row.url)


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(part) for part in version.split(".")]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
