"""`hearth doctor`."""

from __future__ import annotations

import json

import pytest

from appliance.cli.__main__ import main
from matrix_app.storage import check_results

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_tells_line_by_line_and_fails_when_something_does_not_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "database"]) == 0
    assert "ok Schema of this version: All migrations are applied" in capsys.readouterr().out
    assert main(["doctor", "configuration.owner"]) == 1
    assert "or hearth create-user" in capsys.readouterr().out


def test_it_tells_programs_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "database.connect"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["checks"]
    assert (found["id"], found["status"]) == ("database.connect", "ok")


def test_it_names_the_groups_when_one_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "nothing"]) == 2
    assert "database" in capsys.readouterr().err


def test_it_keeps_for_the_pages_only_what_it_is_told_to() -> None:
    assert main(["doctor", "database.connect"]) == 0
    assert check_results.all_rows() == {}
    assert main(["doctor", "--store", "database.connect"]) == 0
    assert set(check_results.all_rows()) == {"database.connect"}
