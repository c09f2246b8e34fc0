"""The catalogues of the pages are complete, and compiled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from admin_ui.sections.settings.fields import CONTEXT, label_of
from admin_ui.templatetags.hearth import _ago, bytes_text
from appliance.config.runtime import runtime_keys
from appliance.diagnostics.registry import all_checks

LOCALE = Path(__file__).resolve().parents[2] / "admin_ui" / "locale"
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|%%|\{\w+(?::[^{}]*)?\}|</?\w+>")
Name = tuple[str | None, str]


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def texts(file: polib.POFile) -> dict[Name, polib.POEntry]:
    return {(entry.msgctxt, entry.msgid): entry for entry in file if not entry.obsolete}


def template() -> dict[Name, polib.POEntry]:
    return texts(polib.pofile(str(LOCALE / "django.pot")))


def translated(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="takes texts out of code with gettext's tools")
def test_the_catalogues_have_the_texts_of_templates_code_settings_and_checks() -> None:
    call_command("translations", check=True)


def test_the_catalogues_have_the_sentences_of_settings_and_checks() -> None:
    wanted: set[Name] = {(None, check.title) for check in all_checks().values()}
    for setting in runtime_keys().values():
        wanted |= {(CONTEXT, label_of(setting.name)), (CONTEXT, setting.key.sentence)}
    assert wanted - set(template()) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    found = texts(catalogue(language))
    assert set(found) == set(template())
    assert [entry.msgid for entry in found.values() if entry.fuzzy or not all(translated(entry))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders_and_tags(language: str) -> None:
    wrong = []
    for entry in texts(catalogue(language)).values():
        wanted = {
            tuple(sorted(PLACEHOLDER.findall(text))) for text in (entry.msgid, entry.msgid_plural) if text
        }
        if any(tuple(sorted(PLACEHOLDER.findall(text))) not in wanted for text in translated(entry)):
            wrong.append(entry.msgid)
    assert wrong == []


def test_french_keeps_its_marks_on_the_line_of_the_word_before() -> None:
    found = [text for entry in texts(catalogue("fr")).values() for text in translated(entry)]
    assert [text for text in found if re.search(r" [:;!?»]|« ", text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_what_the_texts_say(language: str) -> None:
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))
    wanted = {name: translated(entry) for name, entry in texts(catalogue(language)).items()}
    assert {(entry.msgctxt, entry.msgid): translated(entry) for entry in compiled} == wanted


@pytest.mark.parametrize(
    ("language", "span", "size"),
    [
        ("en", "3 days ago", "1.5 MiB"),
        ("de", "vor 3 Tagen", "1,5 MiB"),
        ("fr", "il y a 3 jours", "1,5 MiB"),
    ],
)
def test_spans_and_sizes_are_written_as_in_the_language(language: str, span: str, size: str) -> None:
    with translation.override(language):
        assert _ago(3 * 86400) == span
        assert bytes_text(3 * 2**19) == size


def test_one_and_zero_are_counted_as_in_french() -> None:
    with translation.override("fr"):
        assert translation.ngettext(
            "%d account has been deactivated.", "%d accounts have been deactivated.", 0
        ) == ("%d compte a été désactivé.")
