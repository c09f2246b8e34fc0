"""The checks on their page, and their sign on every other."""

from __future__ import annotations

import pytest
from django_q.models import OrmQ

from appliance.diagnostics.watch import look_now
from matrix_app.protocol.said import said
from matrix_app.storage import check_results, db
from tests.factories.browser import Browser
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_group_is_looked_at_again_and_shown(browser: Browser) -> None:
    assert "Nothing has been looked at" in browser.get("/admin/checks/").text
    assert browser.post("/admin/checks/run/", {"group": "database"}, page="/admin/checks/").message
    [group] = [row.task["args"][0] for row in OrmQ.objects.all()]
    look_now([group])
    assert browser.get("/admin/checks/").html.css(".check.ok")
    assert browser.post("/admin/checks/run/", {"group": "x"}, page="/admin/checks/").message


def test_what_is_wrong_comes_first_with_what_to_do(browser: Browser) -> None:
    with db.write():
        check_results.put("work.queue", "error", "<b>stuck</b>", "", "push it", "", b"{}", 1)
    shown = browser.get("/admin/checks/")
    assert shown.texts("h2")[0] != ""
    assert "&lt;b&gt;stuck" in shown.text
    assert "push it" in shown.text
    assert shown.html.css(".check-group")[0].css(".check.error")
    assert "does not work" in " ".join(browser.get("/admin/").texts(".topbar .badge"))


def test_what_was_found_is_said_in_the_language_of_each_reader(browser: Browser) -> None:
    with db.write():
        check_results.put(
            "backup.age",
            "warn",
            said("The last backup is {days:.1f} days old", days=3.25),
            said("{faults:lines}", faults=[said("{file} is missing", file="<a>"), "as it is"]),
            "See the page Tasks.",
            "",
            b"{}",
            1,
        )
    row = check_results.all_rows()["backup.age"]
    assert (row.summary, row.detail) == ("The last backup is 3.2 days old", "<a> is missing\nas it is")
    shown = browser.get("/admin/checks/")
    assert "The last backup is 3.2 days old" in shown.text
    for language, texts in (
        ("de", ("Die letzte Sicherung ist 3,2 Tage alt", "&lt;a&gt; fehlt", "Siehe die Seite Aufgaben.")),
        ("fr", ("La dernière sauvegarde a 3,2 jours", "&lt;a&gt; manque", "Voyez la page Tâches.")),
    ):
        browser.client.cookies["hearth_language"] = language
        for page in ("/admin/checks/", "/admin/checks/backup.age/"):
            shown = browser.get(page)
            assert all(text in shown.text for text in texts)
        assert texts[0] in browser.get("/admin/").text


def test_alerts_are_tried_from_the_page(browser: Browser) -> None:
    page = "/admin/checks/"
    with settings(alerts={"matrix": False}):
        assert "Nobody is told" in browser.post(f"{page}try-alerts/", page=page).message
    assert "on its way" in browser.post(f"{page}try-alerts/", page=page).message
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["matrix_app.tasks.try_alerts"]


def test_a_check_is_muted_from_its_page_and_told_of_again(browser: Browser) -> None:
    with db.write():
        check_results.put("work.queue", "error", "stuck", "", "", "", b"{}", 1)
    page = "/admin/checks/work.queue/"
    assert "Say why" in browser.post(f"{page}mute/", {"days": "7"}, page=page).message
    assert browser.post(f"{page}mute/", {"reason": "<b>later</b>", "days": "7"}, page=page).message
    shown = browser.get("/admin/checks/")
    assert "&lt;b&gt;later" in shown.text
    assert "Muted; told of again: <time" in shown.text
    assert not shown.html.css(".check.error")
    assert "stuck" not in browser.get("/admin/").text
    assert "again" in browser.post(f"{page}unmute/", page=page).message
    assert browser.get("/admin/checks/").html.css(".check.error")
    assert "stuck" in browser.get("/admin/").text


def test_there_is_no_page_of_a_check_that_is_not_there(browser: Browser) -> None:
    assert browser.get("/admin/checks/work.nothing/").status == 404
