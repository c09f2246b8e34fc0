"""What `hearth test` makes of its stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.testing.results import (
    Result,
    failed_tests,
    looked_at_again,
    of_check,
    of_pytest,
    summary,
    table,
)
from appliance.testing.system_packages import add_wanted

REPORT = (
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.5">'
    "</testsuite></testsuites>"
)


def test_a_check_counts_as_one_test() -> None:
    assert of_check("lint", 0, 1.0) == Result("lint", 1, 0, 0, 1.0)
    assert of_check("lint", 1, 1.0) == Result("lint", 0, 1, 0, 1.0)


def test_errors_of_tests_are_failures(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    assert of_pytest("SQLite", tmp_path / "report.xml", 1, 1.5) == Result("SQLite", 4, 3, 3, 1.5)


@pytest.mark.parametrize("code", [2, 3, 4, -9])
def test_a_run_that_ended_badly_is_a_failure_although_no_test_failed(tmp_path: Path, code: int) -> None:
    assert of_pytest("SQLite", tmp_path / "none.xml", code, 0.0).failed == 1


def test_a_run_without_any_tests_is_none(tmp_path: Path) -> None:
    assert of_pytest("SQLite", tmp_path / "none.xml", 5, 0.0).failed == 0


def test_the_summary_adds_the_stages_up_and_stands_alone_on_the_last_line() -> None:
    results = [Result("lint", 1, 0, 0, 0.5), Result("SQLite", 40, 2, 3, 9.0)]
    assert summary(results) == "41 passed, 2 failed, 3 skipped"
    assert table(results).splitlines()[-1] == "41 passed, 2 failed, 3 skipped"


FAILED = """<testsuites><testsuite name="pytest" errors="1" failures="1" tests="3">
<testcase classname="tests.sync.test_hub" name="test_a"/>
<testcase classname="tests.sync.test_hub" name="test_b[sqlite]"><failure message="no"/></testcase>
<testcase classname="tests.test_c" name="test_c"><failure message="no"/></testcase>
<testcase classname="tests.test_c" name="test_c"><error message="at its end"/></testcase>
</testsuite></testsuites>"""


def test_what_failed_is_named_as_pytest_is_asked_for_it(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(FAILED)
    assert failed_tests(tmp_path / "report.xml") == [
        "tests/sync/test_hub.py::test_b[sqlite]",
        "tests/test_c.py::test_c",
    ]
    assert failed_tests(tmp_path / "none.xml") == []


def test_tests_that_pass_by_themselves_are_unsteady_and_named() -> None:
    first = Result("SQLite", 40, 2, 3, 9.0)
    seen = looked_at_again(first, ["a", "b"], Result("SQLite", 2, 0, 0, 1.0))
    assert seen == Result("SQLite", 42, 0, 3, 10.0, ("a", "b"))
    assert "UNSTEADY, a fault to mend: b" in table([seen])
    assert summary([seen]) == "42 passed, 0 failed, 3 skipped, 2 unsteady"


@pytest.mark.parametrize(
    "again", [Result("", 1, 1, 0, 1.0), Result("", 1, 0, 1, 1.0), Result("", 0, 0, 0, 1.0)]
)
def test_a_stage_fails_unless_all_that_failed_pass_by_themselves(again: Result) -> None:
    assert looked_at_again(Result("SQLite", 40, 2, 3, 9.0), ["a", "b"], again).failed == 2


def test_without_a_browser_and_a_way_to_install_one_the_tests_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _program: None)
    add_wanted()
    said = capsys.readouterr().err
    assert "tests in a browser are skipped" in said
    assert "tests of completion in zsh are skipped" in said
    assert "apt-get install" in said


def test_a_browser_that_is_there_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr("subprocess.run", lambda *_args, **_named: pytest.fail("installs something"))
    add_wanted()
