"""Writing the files that follow from the configuration, only where they would be otherwise."""

from __future__ import annotations

import difflib
import grp
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from appliance.reconfigure.change import Change

# What the texts begin with: files without it are somebody else's, and are never removed.
OURS: Final = re.compile(r"\A#[^\n]*\bhearth (render-proxy|render-turn|reconfigure)\b")
_MOST_LINES: Final = 40
_SECRET: Final = re.compile(r"^([+-].*(?:secret|password)[^=]*=).+")


class Derived(NamedTuple):
    """A file that follows from the configuration; without a text it stays as it is, or is not wanted."""

    file: Path
    text: str | None
    group: str = ""
    mode: int = 0o640
    is_wanted: bool = True
    # Neither shown nor kept beside the new one.
    is_secret: bool = False


class Written(NamedTuple):
    """What became of a file; `before` is whether there was one."""

    change: Change
    before: bool


def write(derived: Derived, *, dry_run: bool) -> Written | None:
    """Have the file be what it should be; None when it is already."""
    before = _content(derived.file)
    if not derived.is_wanted:
        return _remove(derived.file, before, dry_run=dry_run)
    if derived.text is None or before == derived.text:
        return None
    if not dry_run:
        if before is not None and not derived.is_secret:
            _put(derived.file.with_name(f"{derived.file.name}.old"), before, derived)
        _put(derived.file, derived.text, derived)
    difference = "" if derived.is_secret else _difference(before, derived.text)
    change = Change(str(derived.file), "written", difference)
    return Written(change, before is not None)


def _remove(file: Path, before: str | None, *, dry_run: bool) -> Written | None:
    if before is None or not OURS.search(before):
        return None
    if not dry_run:
        file.unlink()
    return Written(Change(str(file), "removed"), before=True)


def _content(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _put(file: Path, text: str, derived: Derived) -> None:
    """In whole or not at all, and never readable by others meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        if derived.group and os.geteuid() == 0:
            os.fchown(stream.fileno(), 0, grp.getgrnam(derived.group).gr_gid)
        os.fchmod(stream.fileno(), derived.mode)
        os.fsync(stream.fileno())
    draft.replace(file)


def _difference(before: str | None, text: str) -> str:
    """The lines that changed, without secrets."""
    if before is None:
        return ""
    lines = list(difflib.unified_diff(before.splitlines(), text.splitlines(), n=0, lineterm=""))[2:]
    shown = [_SECRET.sub(r"\1(hidden)", line) for line in lines if not line.startswith("@@")]
    more = [f"and {len(shown) - _MOST_LINES} lines more"] if len(shown) > _MOST_LINES else []
    return "\n".join([*shown[:_MOST_LINES], *more])
