"""The latest log lines: what Hearth says in its own words, with the figures, and where code failed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from appliance.config import get_config
from appliance.recent_log import lines

if TYPE_CHECKING:
    from appliance.support.mask import Masker

MOST_LINES: Final = 2000
MOST_FRAMES: Final = 60
OMITTED: Final = "(text)"
_PACKAGES: Final = ("appliance", "matrix_app", "admin_ui")
_ROOT: Final = Path(__file__).resolve().parents[2]
_CALL: Final = re.compile(
    r"\b(?:_?log(?:ger)?\.(?:debug|info|warning|error|exception|critical)|Boundary)\(\s*\"([^\"\\]+)\""
)
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+), in ([\w<>.]+)')
_FAULT: Final = re.compile(
    r"^[\s|+\-]*((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Timeout|Warning|Fault|Refused|Group)\w*)\b"
)
_NAME: Final = re.compile(r"[\w.:\-]{1,80}")
# Fields whose values are names of Hearth's own: methods, signals, checks, kinds of work.
_PLAIN: Final = frozenset(
    {"level", "logger", "method", "signal", "state", "kind", "channel", "check", "setting"}
)
# Fields that name users, rooms and servers.
_IDS: Final = frozenset({"user_id", "room_id", "room", "server", "host", "origin", "notary"})


def latest(masker: Masker) -> bytes:
    """The lines that are kept, the latest of them, the oldest first; a JSON object on each."""
    found = deque(islice(lines(get_config().server.data_dir / "logs"), MOST_LINES))
    return b"".join(orjson.dumps(shown(line, masker)) + b"\n" for line in reversed(found))


def shown(line: dict[str, Any], masker: Masker) -> dict[str, Any]:
    """A line without what others may have put into it."""
    said: dict[str, Any] = {"timestamp": str(line.get("timestamp", ""))[:32], "event": _event(line)}
    for name, value in line.items():
        if name not in ("timestamp", "event", "exception") and _NAME.fullmatch(name):
            said[name] = _value(name, value, masker)
    if "exception" in line:
        said["exception"] = list(_traceback(str(line["exception"])))
    return said


def _event(line: dict[str, Any]) -> str:
    """What happened, if Hearth itself says it so; other libraries put anything into their texts."""
    event = str(line.get("event", ""))
    return event if event in known_events() else OMITTED


def _value(name: str, value: Any, masker: Masker) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        return OMITTED
    if name in _PLAIN and _NAME.fullmatch(value):
        return masker.text(value)
    if name in _IDS and not any(char.isspace() for char in value):
        return masker.text(value)
    fault = _FAULT.match(value)
    return f"{fault[1]}: {OMITTED}" if fault else OMITTED


def _traceback(text: str) -> Iterator[str]:
    """Places in code, and kinds of faults; not what the faults say, which may quote anything."""
    for row in text.splitlines()[-10 * MOST_FRAMES :]:
        if frame := _FRAME.search(row):
            yield f"{_place(frame[1])}:{frame[2]} {frame[3]}"
        elif fault := _FAULT.match(row):
            yield fault[1]


def _place(path: str) -> str:
    """A file from its package on."""
    for mark in ("site-packages/", "hearth-runtime/", "/usr/lib/hearth/", f"{_ROOT}/"):
        if mark in path:
            return path.rpartition(mark)[2]
    return path.rpartition("/")[2]


@lru_cache(maxsize=1)
def known_events() -> frozenset[str]:
    """The texts that stand in Hearth's source as what is logged."""
    files = (file for package in _PACKAGES for file in (_ROOT / package).rglob("*.py"))
    return frozenset(event for file in files for event in _CALL.findall(file.read_text(encoding="utf-8")))
