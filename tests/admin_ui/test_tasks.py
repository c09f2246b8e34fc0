"""Long tasks on their pages: in the language of the visitor, who may be another one than who began them."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import Conflict
from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import audit
from matrix_app.storage import long_tasks as stored
from tests.factories.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)


@long_task("test.fails")
def fail(task: LongTask) -> bool:
    """Get to a step, and fail there."""
    task.step = said("removing messages")
    task.result = {"copied": 3}
    task.note()
    task.warn(said("No server answers for {room_id}", room_id="!<room>"))
    raise Conflict(said("{file} is missing", file="<part>"))


@pytest.fixture
def failed() -> int:
    title = said("Import {count} users", count=12)
    nid = long_tasks.start("test.fails", title, {}, CLI)
    long_tasks.run(nid)
    return nid


def test_names_steps_and_faults_are_kept_as_sentences(failed: int) -> None:
    row = stored.find(failed)
    assert row is not None
    assert (row.title, row.step, row.error) == ("Import 12 users", "removing messages", "<part> is missing")
    assert audit.page(before=None, limit=1)[0].details["title"] == "Import 12 users"


@pytest.mark.parametrize(
    ("language", "title", "step", "fault", "result"),
    [
        ("en", "Import 12 users", "removing messages", "&lt;part&gt; is missing", "copied"),
        ("de", "12 Benutzer importieren", "Nachrichten werden entfernt", "&lt;part&gt; fehlt", "kopiert"),
        ("fr", "Importer 12 utilisateurs", "des messages sont retirés", "&lt;part&gt; manque", "copiés"),
    ],
)
def test_they_are_said_in_the_language_of_the_visitor(
    browser: Browser, failed: int, language: str, title: str, step: str, fault: str, result: str
) -> None:
    browser.client.cookies["hearth_language"] = language
    assert title in browser.get("/admin/tasks/").text
    shown = browser.get(f"/admin/tasks/{failed}/")
    assert shown.texts("h1") == [title]
    assert all(text in shown.text for text in (step, fault, result))


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            ["Failed", "<part> is missing", "No server answers for !<room>", "removing messages", "Begun"],
        ),
        (
            "de",
            [
                "Fehlgeschlagen",
                "<part> fehlt",
                "Kein Server antwortet für !<room>",
                "Nachrichten werden entfernt",
                "Begonnen",
            ],
        ),
    ],
)
def test_the_log_of_a_task_is_said_in_the_language_of_the_visitor(
    browser: Browser, failed: int, language: str, lines: list[str]
) -> None:
    browser.client.cookies["hearth_language"] = language
    shown = browser.get(f"/admin/tasks/{failed}/").texts(".log li")
    assert len(shown) == len(lines)
    for found, line in zip(shown, lines, strict=True):
        assert found.endswith(line)
