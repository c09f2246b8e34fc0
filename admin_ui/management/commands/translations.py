"""`manage.py translations`: brings the catalogues of the pages up to date with their texts."""

from __future__ import annotations

import re
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.core.management.commands import makemessages

from admin_ui.management.elsewhere import marked

PAGES: Final = Path(__file__).resolve().parents[2]
# Pages too, which are fetched and not visited.
ARCHIVE: Final = PAGES.parent / "matrix_app" / "templates" / "export"
# A date would make every run a change.
_DATE: Final = re.compile(r'^"POT-Creation-Date: .*\n', re.MULTILINE)


class Command(BaseCommand):
    """Takes the texts out of templates, code, settings, checks and errors; new ones are to be translated."""

    help = "Write admin_ui/locale: the texts of the pages, and their translations, compiled."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="only tell whether something would change")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        """Raise `CommandError` with `check` where the catalogues lack a text, or have one that is gone."""
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "admin_ui"
            shutil.copytree(PAGES, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
            shutil.copytree(ARCHIVE, copy / "templates" / "archive")
            _extract(copy)
            changed = [path for path in _catalogues(copy) if not _is_same(copy, path)]
            if check and changed:
                raise CommandError(f"these lack texts, run manage.py translations: {', '.join(changed)}")
            shutil.copytree(copy / "locale", PAGES / "locale", dirs_exist_ok=True)


class _Extraction(makemessages.Command):
    """Django's, without guesses: a text that is like another one is new all the same.

    Modules that have lazy texts too call `gettext` by the name `_t`.
    """

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=_t"]
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]


def _extract(pages: Path) -> None:
    (pages / "elsewhere.py").write_text(marked(pages), encoding="utf-8")
    (pages / "locale").mkdir(exist_ok=True)
    wanted = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
    with chdir(pages):
        call_command(
            _Extraction(), locale=wanted, no_location=True, no_obsolete=True, keep_pot=True, verbosity=0
        )
        for path in _catalogues(pages):
            file = pages / path
            file.write_text(_DATE.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
        call_command("compilemessages", verbosity=0)


def _catalogues(pages: Path) -> list[str]:
    return sorted(str(path.relative_to(pages)) for path in (pages / "locale").rglob("*.po*"))


def _is_same(copy: Path, path: str) -> bool:
    committed = PAGES / path
    return committed.is_file() and committed.read_bytes() == (copy / path).read_bytes()
