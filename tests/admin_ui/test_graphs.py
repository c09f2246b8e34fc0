"""Graphs and the dashboard."""

from __future__ import annotations

from shutil import rmtree

import pytest

from admin_ui.sections.graphs.chart import GAP_STEPS, MOST_POINTS, MOST_ROWS, chart, nice, thinned
from admin_ui.sections.graphs.figures import FIGURES
from appliance.backup.manifest import FILE
from appliance.config import get_config
from appliance.metrics.sampling import Figure
from matrix_app.storage import check_results, db, samples
from matrix_app.storage.clock import now_ms
from tests.factories.browser import Browser
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60_000


def sample_day(minutes: int = 1440) -> None:
    now = now_ms()
    with db.write():
        for minute in range(minutes):
            samples.put(now - minute * MINUTE, {int(Figure.MESSAGES): 2.0, int(Figure.MEMORY): 1e8})


def test_every_figure_is_drawn_with_a_title_and_a_table_of_values(browser: Browser) -> None:
    sample_day(30)
    shown = browser.get("/admin/graphs/")
    assert len(shown.html.css("figure.chart")) == len(FIGURES)
    messages = shown.html.css_first("#chart-messages")
    assert messages is not None
    assert [title.text() for title in messages.css("svg title")] == ["Messages per minute"]
    assert 8 <= len(messages.css("tbody tr")) <= 9  # a point for four minutes
    assert len(messages.css("polyline")) == 1
    assert "95.4 MiB" in shown.texts("#chart-memory figcaption")[0]
    assert "style=" not in shown.text


def test_graphs_of_other_spans_and_of_nothing(browser: Browser) -> None:
    for span in ("day", "month", "year", "x"):
        shown = browser.get("/admin/graphs/", span=span)
        assert shown.status == 200
        assert "Nothing has been measured yet" in shown.text


def test_a_page_of_graphs_costs_the_same_statements_however_much_there_is(browser: Browser) -> None:
    with recorded() as few:
        browser.get("/admin/graphs/")
    sample_day(200)
    with recorded() as many:
        browser.get("/admin/graphs/")
    assert len(many) == len(few)


def test_the_dashboard_says_what_needs_attention_and_how_much_is_said(browser: Browser) -> None:
    sample_day(60)
    with db.write():
        check_results.put("machine.load", "warn", "much to do", "", "", "", b"{}", 1)
        check_results.put("work.queue", "error", "<b>stuck</b>", "", "push it", "", b"{}", 1)
    shown = browser.get("/admin/")
    assert [text.split(" ")[0] for text in shown.texts(".check b")] == ["Background", "Load"]
    assert "&lt;b&gt;stuck" in shown.text
    assert "120" in shown.texts(".tile dd")
    assert len(shown.html.css("figure.chart > svg")) == 1


def test_the_dashboard_says_that_all_is_well_when_it_is(browser: Browser) -> None:
    assert "Nothing has been looked at yet" in browser.get("/admin/").texts("h2")
    with db.write():
        check_results.put("machine.load", "ok", "little to do", "", "", "", b"{}", now_ms())
        check_results.put("port.outside", "unknown", "cannot be told", "", "", "", b"{}", now_ms())
    shown = browser.get("/admin/")
    assert "All is well" in shown.texts("h2")
    assert "1 check found nothing wrong" in shown.texts(".verdict p")[0]
    assert not shown.html.css(".check")


def test_the_dashboard_says_when_the_last_backup_was_made(browser: Browser) -> None:
    assert "none yet" in browser.get("/admin/").texts(".tile dd")
    folder = get_config().backup.dir
    for name, is_whole in (("2026-01-05T040000Z", True), ("2026-02-05T040000Z", False), ("pool", True)):
        (folder / name).mkdir(parents=True)
        if is_whole:
            (folder / name / FILE).write_bytes(b"{}")
    try:
        times = [time.attributes["datetime"] for time in browser.get("/admin/").html.css(".tile time")]
        assert times == ["2026-01-05T04:00:00+00:00"]
    finally:
        rmtree(folder)


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    step = MINUTE
    points = [(0, 1.0), (step, 2.0), (step * 10, 3.0)]
    made = chart("x", "X", points, 0, step * 20, step, str)
    assert len(made.lines) == 2
    assert GAP_STEPS < 9


def test_many_points_are_thinned_to_means_that_stay_inside_the_picture() -> None:
    points = [(at, float(at % 7)) for at in range(5000)]
    made = chart("x", "X", points, 0, 5000, 1, str)
    drawn = [pair for line in made.lines for pair in line.split()]
    assert len(drawn) <= MOST_POINTS
    assert len(made.rows) <= MOST_ROWS
    assert all(0 <= float(x) <= 720 and 0 <= float(y) <= 200 for x, y in (pair.split(",") for pair in drawn))
    assert thinned([(0, 1.0), (1, 3.0), (2, 5.0)], 2) == [(0, 2.0), (2, 5.0)]


def test_the_greatest_value_of_an_axis_is_round() -> None:
    assert [nice(value) for value in (0, 0.03, 1, 1.1, 23, 700)] == [1.0, 0.05, 1, 2, 50, 1000]
