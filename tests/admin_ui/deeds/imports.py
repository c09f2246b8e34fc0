"""What an owner does with tables of users."""

from __future__ import annotations

import csv
import io

from playwright.sync_api import FilePayload

from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage
from tests.admin_ui.deeds.users import log_in

TABLE = b"user,display_name\nimported1,One\nimported2,Two\nno good name,Three\n"


@deed(
    admin_users_import="users.upload_table",
    admin_users_import_begin="users.import",
    admin_users_import_passwords="users.fetch_passwords",
    admin_users_import_skipped="users.fetch_skipped",
    admin_users_import_forget="users.remove_table",
)
def import_a_table(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/users/import/")
    file = FilePayload(name="users.csv", mimeType="text/csv", buffer=TABLE)
    owner.page.get_by_label("Table (CSV)").set_input_files(file)
    owner.choose("If there are rows that cannot be imported", "skip")
    owner.press("Look at it")
    owner.press("Make 2 accounts")
    owner.button("Fetch the passwords").wait_for(timeout=60_000)
    assert "no good name" in owner.fetch("Fetch the rows that were left out")
    rows = list(csv.reader(io.StringIO(owner.fetch("Fetch the passwords").lstrip("\ufeff"))))
    assert len(rows) == 3
    for user_id, password in rows[1:]:
        assert log_in(stage, f"@{user_id}", password)
    owner.press("Forget this table")
    owner.says("The table has been forgotten.")
