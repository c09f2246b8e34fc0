"""Opening a page changes nothing: statements that write are counted on every page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from matrix_app.services.system_user import system_account
from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from tests.factories.settings import settings
from tests.filled.addresses import all_addresses
from tests.filled.filling import fill
from tests.filled.size import ONE
from tests.filled.visits import Visitor, counted

pytestmark = pytest.mark.django_db(transaction=True)

_WRITES: Final = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE|CREATE|ALTER|DROP|TRUNCATE)\b.*", re.I | re.S
)
# That a session is in use is noted now and then.
_IN_USE: Final = re.compile(r"UPDATE web_session SET last_used_ts\b")
_AUDIT: Final = re.compile(r"INSERT INTO audit_entry\b")
# Whoever looks at secrets, or takes much of everybody's along, is in the audit log: by the address's name.
NOTED: Final = {"bridge-download", "calls-turnserver", "users-export"}


def writes_of(visitor: Visitor, path: str) -> list[str]:
    """The statements that write when a page is opened, but for those of its session."""
    with counted() as ran:
        visitor.page(path)
    return [sql for sql in ran if _WRITES.match(sql) and not _IN_USE.match(sql)]


def test_no_page_writes_when_it_is_opened(tmp_path: Path) -> None:
    turn = {"uris": ("turn:turn.example.org",), "secret": "shared"}
    with settings(server={"data_dir": tmp_path}, backup={"dir": tmp_path / "backups"}, turn=turn):
        found = _faults()
    assert found == {}


def _faults() -> dict[str, list[str]]:
    filled = fill(ONE._replace(samples=False), now_ms())
    with db.write():  # whoever needs the server's own user would have to make another
        db.execute("UPDATE account SET deactivated_ts = 1 WHERE user_nid = %s", (system_account().user_nid,))
    visitor, found = Visitor(filled), {}
    for address in all_addresses(filled):
        wrote = writes_of(visitor, address.path)
        if address.name in NOTED:
            assert [sql for sql in wrote if _AUDIT.match(sql)], f"{address.path} has left no note"
            wrote = [sql for sql in wrote if not _AUDIT.match(sql)]
        if wrote:
            found[address.path] = wrote
    return found
