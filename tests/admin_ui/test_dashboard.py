"""What runs, on the dashboard and at the top of every page."""

from __future__ import annotations

import pytest

from matrix_app.protocol.said import said
from matrix_app.services.audit import CLI
from matrix_app.services.long_tasks import cancel, run, start
from matrix_app.storage import check_results, db, long_tasks
from matrix_app.storage.clock import now_ms
from tests.factories.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)


def found(id: str, status: str) -> None:
    with db.write():
        check_results.put(id, status, "as it is", "", "", "", b"{}", 1)


def test_what_runs_is_listed_by_what_the_checks_found(browser: Browser) -> None:
    assert browser.get("/admin/").texts(".parts li") == []
    found("work.schedule", "error")
    found("database.connect", "ok")
    found("turn.udp", "skipped")
    found("machine.memory", "ok")
    assert browser.get("/admin/").texts(".parts li") == ["Database answers fine", "Worker does not work"]


def test_the_machine_and_the_age_of_the_process_are_told(browser: Browser) -> None:
    facts = " ".join(browser.get("/admin/").texts("section .facts"))
    assert "Pages run since" in facts
    assert "in 1, 5 and 15 minutes" in facts
    assert "free" in facts
    assert "UTC" in facts


def test_tasks_at_work_are_seen_on_every_page_until_they_end(browser: Browser) -> None:
    assert browser.get("/admin/users/").texts(".tray") == []
    nid = start("no.such.kind", said("Import {count} users", count=2), {}, CLI)
    with db.write():  # a user's own business
        long_tasks.put("join", "@a:b joins !c", b"{}", None, now_ms())
    shown = browser.get("/admin/users/")
    assert shown.texts(".tray") == ["1 task at work"]
    assert shown.href(".tray") == "/admin/tasks/"
    cancel(nid, CLI)
    run(nid)
    assert browser.get("/admin/users/").texts(".tray") == []
