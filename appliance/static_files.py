"""Collects the static files of the pages, under names that hold their hash, when they have changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

STAMP = "collected"


def collect() -> bool:
    """Collect the files unless that was done for just these; whether it was needed.

    A package brings them along in `static/` beside the source, where nobody can write.
    """
    from django.core.management import call_command

    if are_collected():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    (Path(settings.STATIC_ROOT) / STAMP).write_text(_fingerprint(), encoding="ascii")
    return True


def are_collected() -> bool:
    """Whether just these files are where they are served from."""
    root = Path(settings.STATIC_ROOT)
    stamp = root / STAMP
    if not stamp.exists():
        return False
    return root == settings.PACKAGED_STATIC or stamp.read_text(encoding="ascii") == _fingerprint()


def _fingerprint() -> str:
    """Changes when a file is added, removed or written."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
