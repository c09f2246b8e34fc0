"""The pages of an archive that people read, in the language of who asked for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import translation

from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.progress import Job
from matrix_app.services.templates import render


def add_page(part: Part, job: Job, path: str, template: str, *, title: str = "", **values: Any) -> None:
    """Add a page; it is called after the account where it has no title of its own."""
    common = {
        # The way from it to the beginning of the archive.
        "home": "../" * path.count("/"),
        "language": job.options.language,
        "user_id": job.account.user_id,
        "title": title or job.account.user_id,
    }
    with translation.override(job.options.language):
        text = render(f"export/{template}.html", **common, **values)
    part.add(path, text)


def time_text(ts: int) -> str:
    """A time in milliseconds for people, the same in every language."""
    # Events may say that they are from any time.
    seconds = min(max(ts / 1000, 0), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
