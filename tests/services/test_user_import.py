"""Tables of users: how they are read, judged, and made into accounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.errors import Conflict, InvalidParam, NotFound
from matrix_app.protocol.said import Said, said
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.services.make_password import make_password
from matrix_app.services.passwords import check_policy
from matrix_app.services.user_import import kept, looking, requests, table, task
from matrix_app.services.user_import.findings import Findings, Refused, sealed, unsealed
from matrix_app.services.user_import.judge import judge
from matrix_app.services.user_import.kept import Options
from matrix_app.services.user_import.table import read_table
from matrix_app.storage import accounts, db, profiles, threepids, user_imports
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.accounts import log_in, make_account
from tests.factories.settings import settings
from tests.factories.statements import recorded
from tests.factories.visitor import post

pytestmark = pytest.mark.django_db(transaction=True)


def text(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def imported(content: bytes, options: Options | None = None) -> int:
    """The nid of a table that was imported to its end."""
    nid = requests.upload(CLI, content, options or Options())
    long_tasks.run(requests.start(CLI, nid))
    return nid


def state_of(nid: int) -> tuple[str, int, int, int]:
    found = requests.outcome(kept.find(nid))
    assert found is not None
    return found.task.state, found.made, found.skipped, found.passwords


def fates(*lines: str) -> list[tuple[str, str]]:
    return [(verdict.fate.value, verdict.reason) for verdict in judge(read_table(text(*lines)).rows)]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_table_is_read_whatever_separates_its_cells(sign: str) -> None:
    found = read_table(
        text(f"User{sign}Email{sign}shoe size", f'"ann"{sign}a@x.org b@x.org{sign}42', "", " ")
    )
    [row] = found.rows
    assert (row.user, row.addresses, row.line) == ("ann", ("a@x.org", "b@x.org"), 2)
    assert found.ignored == ("shoe size",)


def test_the_export_of_users_can_be_read() -> None:
    [row] = read_table(
        text(
            "user,display_name,addresses,admin,guest,bridge,locked,suspended,deactivated,created,last_active",
            "ann:hearth.example,'=Ann,ann@x.org,yes,,,,,,2026-01-01T00:00:00+00:00,",
        )
    ).rows
    assert (row.user, row.display_name, row.is_admin, row.fault) == ("ann:hearth.example", "=Ann", True, "")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\x00", "no text"),
        (b"name of shoe\nann", "first row"),
        (b"", "first row"),
        (b'user\n"ann', "comma-separated"),
        (b"user\na\0b", "no text"),
        (b"user\n" + b"x" * 5_000_001, "too large"),
        (b"user\n" + b"a\n" * 10_001, "too large"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(InvalidParam, match=why):
        read_table(content)


@given(st.binary(max_size=300))
def test_no_file_makes_it_fail_otherwise(content: bytes) -> None:
    try:
        found = read_table(b"user,password\n" + content)
    except InvalidParam:
        return
    assert len(found.rows) <= table.MOST_ROWS


def test_rows_are_judged_by_themselves_and_beside_each_other() -> None:
    make_account("taken", email="taken@x.org")
    assert fates(
        "user,password,email,admin,deactivated",
        "ann,,ann@x.org,yes,",
        "TAKEN,,,,",
        "bob,,taken@X.org,,",
        "ann,,,,",
        "carl,,ANN@x.org,,",
        "dora!,,,,",
        "@eve:other.example,,,,",
        "fred,short,,,",
        "gus,,no address,,",
        "hal,,,maybe,",
        "ida,,,,yes",
        "@jim:hearth.example,,,no,no",
        ",,x@x.org,,",
        "kim,,,,,,surplus",
    ) == [
        ("new", ""),
        ("taken", "The user name is taken"),
        ("taken", "The mail address belongs to an account already"),
        ("taken", "The user is in the table twice"),
        ("taken", "The mail address is in the table twice"),
        ("wrong", "User names are made of a-z, 0-9 and . _ = - / + only"),
        ("wrong", "The user ID is one of another server"),
        ("wrong", "The password must have at least 8 characters"),
        ("wrong", "That is not a mail address"),
        ("wrong", "Whether somebody is an administrator is yes or no"),
        ("wrong", "Guests, users of bridges and deactivated accounts cannot be made"),
        ("new", ""),
        ("wrong", "User names are made of a-z, 0-9 and . _ = - / + only"),
        ("wrong", "The row has more cells than there are columns"),
    ]


def test_ten_times_the_rows_cost_no_more_statements() -> None:
    def statements(count: int) -> int:
        rows = read_table(text("user,email", *(f"u{n},u{n}@x.org" for n in range(count)))).rows
        with recorded() as found:
            judge(rows)
        return len(found)

    assert statements(400) == statements(40)


def test_accounts_are_made_with_what_the_table_says() -> None:
    nid = imported(
        text(
            "user,display_name,password,email,admin",
            "ann,Ann,an own long password,ann@x.org,yes",
            "bob,,,,",
        )
    )
    assert state_of(nid) == ("done", 2, 0, 1)
    ann, bob = accounts.find("@ann:hearth.example"), accounts.find("@bob:hearth.example")
    assert ann is not None
    assert bob is not None
    assert (ann.is_admin, bob.is_admin) == (True, False)
    assert profiles.get_fields(ann.user_nid)["displayname"] == "Ann"
    assert [row.address for row in threepids.of_user(ann.user_nid)] == ["ann@x.org"]
    login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "ann"}}
    assert post("/login", {**login, "password": "an own long password"}).status == 200


def test_made_passwords_work_and_are_given_once() -> None:
    nid = imported(text("user,password", "ann,an own long password", "bob,"), Options(all_random=True))
    found = dict(requests.take_passwords(CLI, nid))
    assert set(found) == {"@ann:hearth.example", "@bob:hearth.example"}
    identifier = {"type": "m.id.user", "user": "ann"}
    body = {"type": "m.login.password", "identifier": identifier}
    assert post("/login", {**body, "password": found["@ann:hearth.example"]}).status == 200
    assert post("/login", {**body, "password": "an own long password"}).status == 403
    with pytest.raises(NotFound):
        requests.take_passwords(CLI, nid)


def test_nothing_secret_is_stored_in_the_open() -> None:
    nid = imported(text("user,password", "ann,an own long password", "bob,"))
    assert b"an own long" not in user_imports.content(nid)
    done = user_imports.done_rows(nid)
    [made] = [bytes(one.sealed_password) for one in done if one.sealed_password is not None]
    [(_, password)] = requests.take_passwords(CLI, nid)
    assert password.encode() not in made


def test_rows_that_cannot_be_stop_everything_or_are_left_out() -> None:
    make_account("taken")
    content = text("user,colour", "taken,red", "ann,blue", "bob!,green")
    nid = requests.upload(CLI, content, Options())
    with pytest.raises(Conflict):
        requests.start(CLI, nid)
    assert accounts.find("@ann:hearth.example") is None
    nid = imported(content, Options(skip=True))
    assert state_of(nid) == ("done", 1, 2, 1)
    columns, rows = requests.skipped_rows(CLI, nid)
    assert columns == ("user", "colour")
    assert rows == [
        ("The user name is taken", ("taken", "red")),
        ("User names are made of a-z, 0-9 and . _ = - / + only", ("bob!", "green")),
    ]


def test_nothing_is_made_where_a_name_was_taken_before_the_import_began() -> None:
    nid = requests.upload(CLI, text("user", "ann", "bob", "carl"), Options())
    task_nid = requests.start(CLI, nid)
    make_account("bob")
    long_tasks.run(task_nid)
    found = stored_tasks.find(task_nid)
    assert found is not None
    assert (found.state, found.error) == ("failed", "Line 3: The user name is taken")
    assert accounts.find("@ann:hearth.example") is None


def test_a_name_that_is_taken_meanwhile_ends_the_import_at_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "_SECONDS", 0.0)
    nid = requests.upload(CLI, text("user", "ann", "bob", "carl"), Options())
    row = stored_tasks.find(requests.start(CLI, nid))
    assert row is not None
    assert not task.import_some(long_tasks.LongTask(row))
    make_account("bob")
    with pytest.raises(Conflict, match="Line 3: The user name is taken"):
        task.import_some(long_tasks.LongTask(row))
    assert accounts.find("@ann:hearth.example") is not None
    assert accounts.find("@carl:hearth.example") is None


def big_table() -> bytes:
    """One with one name that cannot be, which is too big to be looked at while somebody waits."""
    return text("user", "no good name", *(f"u{n}" for n in range(looking.MOST_AT_ONCE)))


def test_a_big_table_is_looked_at_by_a_task_and_begun_with_afterwards() -> None:
    nid = requests.upload(CLI, big_table(), Options(skip=True))
    assert requests.preview(nid).is_looked_at
    with pytest.raises(Conflict, match="has not been looked at"):
        requests.start(CLI, nid)
    [row] = stored_tasks.unfinished(looking.KIND)
    long_tasks.run(row.nid)
    shown = requests.preview(nid)
    assert shown.found is not None
    assert (shown.found.new, shown.found.wrong) == (looking.MOST_AT_ONCE, 1)
    assert [(one.line, one.user_id) for one in shown.found.refused] == [(2, "no good name")]
    assert shown.may_start


def test_what_would_happen_is_read_by_one_statement() -> None:
    nid = requests.upload(CLI, big_table(), Options(skip=True))
    long_tasks.run(stored_tasks.unfinished(looking.KIND)[0].nid)
    with recorded() as found:
        requests.preview(nid)
    assert len(found) == 1


def test_a_table_that_is_forgotten_is_not_looked_at_any_more() -> None:
    nid = requests.upload(CLI, big_table(), Options())
    [row] = stored_tasks.unfinished(looking.KIND)
    requests.remove(CLI, nid)
    long_tasks.run(row.nid)
    ended = stored_tasks.find(row.nid)
    assert ended is not None
    assert ended.state == stored_tasks.CANCELLED


def test_what_stands_where_a_user_should_is_not_stored_in_the_open() -> None:
    nid = requests.upload(CLI, text("user,password", "an own long password,ann"), Options())
    row = user_imports.get(nid)
    assert row is not None
    assert row.findings is not None
    assert b"an own long" not in row.findings
    found = requests.preview(nid).found
    assert found is not None
    assert found.refused[0].user_id == "an own long password"


def test_a_worker_that_ends_anywhere_leaves_nobody_out_and_makes_nobody_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task, "_SECONDS", 0.0)
    nid = requests.upload(CLI, text("user", *(f"u{n}" for n in range(5))), Options())
    task_nid = requests.start(CLI, nid)
    pieces = 0
    while True:
        row = stored_tasks.find(task_nid)
        assert row is not None
        pieces += 1
        if task.import_some(long_tasks.LongTask(row)):
            break
    assert pieces == 5
    assert len(user_imports.done_rows(nid)) == 5


def test_it_is_begun_once_and_forgotten_after_a_day() -> None:
    nid = imported(text("user", "ann"))
    with pytest.raises(Conflict):
        requests.start(CLI, nid)
    with db.write():
        db.execute("UPDATE user_import SET expires_ts = 1")
    with pytest.raises(NotFound):
        kept.find(nid)
    assert requests.remove_expired() == 1
    assert db.value("SELECT count(*) FROM user_import_row") == 0


def test_made_passwords_meet_the_policy() -> None:
    assert log_in(make_account("pia")).status == 200
    strict = {
        "minimum_length": 20,
        "require_digit": True,
        "require_symbol": True,
        "require_lowercase": True,
        "require_uppercase": True,
    }
    with settings(password_policy=strict):
        for _ in range(50):
            check_policy(make_password())
    assert len({make_password() for _ in range(50)}) == 50


def test_why_a_row_becomes_no_account_is_kept_with_what_it_was_made_of() -> None:
    reason = said("There is {name} already", name="@pia:hearth.example")
    found = Findings(1, 1, 0, 1, 0, 0, 0, 0, (), (Refused(2, "@pia:hearth.example", reason),))
    [kept] = unsealed(sealed(found)).refused
    assert isinstance(kept.reason, Said)
    assert (kept.reason, kept.reason.values) == (reason, {"name": "@pia:hearth.example"})
