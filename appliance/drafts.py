"""Files that are replaced in whole or not at all, and that nobody else reads while they are written."""

from __future__ import annotations

import os
from pathlib import Path


def draft_of(file: Path, content: bytes, mode: int) -> Path:
    """What a file is to hold, on the disk beside it and with its mode: to be renamed to the file."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)
    return draft
