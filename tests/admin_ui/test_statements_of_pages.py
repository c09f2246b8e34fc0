"""No page asks the database more often because there is more: one of everything beside sixty of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from matrix_app.storage.cache import clear_all
from matrix_app.storage.clock import now_ms
from tests.factories.settings import settings
from tests.filled.filling import fill
from tests.filled.size import ONE, PAGES, Size
from tests.filled.visits import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def statements(size: Size) -> dict[str, int]:
    """How many statements each page of a server runs, by its address without numbers of rows and places."""
    call_command("flush", interactive=False, verbosity=0)
    clear_all()
    filled = fill(size, now_ms())
    return {
        re.sub(r"(?<=after=)[^&]*|(?<=/)\d[\dTZ-]*(?=/)", "…", visited.address): visited.statements
        for visited in Visitor(filled).visits()
    }


def test_a_page_runs_as_many_statements_for_sixty_of_everything_as_for_one(tmp_path: Path) -> None:
    found = []
    for number, size in enumerate((ONE, PAGES)):
        folder = tmp_path / str(number)
        with settings(server={"data_dir": folder}, backup={"dir": folder / "backups"}):
            found.append(statements(size._replace(samples=False)))
    few, many = found
    assert len(few) > 100
    more = {
        address: (count, many[address]) for address, count in few.items() if many.get(address, count) > count
    }
    assert more == {}
