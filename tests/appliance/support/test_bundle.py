"""Nothing of what people have on a server comes out in a support bundle: canaries are put everywhere."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import orjson
import pytest
from django.apps import apps
from django.db import connection, models
from msgspec.structs import replace

from appliance.cli.__main__ import main
from appliance.config import Config, get_config
from appliance.config.current import use_config
from appliance.config.keys import keys_of
from appliance.diagnostics.registry import run_checks
from appliance.support import keep
from appliance.support.bundle import write
from appliance.support.checks import found_last, found_now
from appliance.support.configuration import OPEN
from appliance.support.logs import known_events
from matrix_app.protocol.errors import NotFound
from matrix_app.services import audit, long_tasks
from matrix_app.services.audit import CLI
from matrix_app.storage import audit as stored_audit
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)

# A message and all that belongs to people: whatever it is put into, none of it may be seen.
CANARIES = (
    "the canary sings at noon",
    "canary@aviary.example",
    "@canary_bird:hearth.example",
    "hearth_c4n4ryTokenThatOpensEverything9",
    "+49 170 0000042",
    "93.184.216.34",
)
CANARY = " ".join(CANARIES)
WORDS = ("canary", "c4n4ry", "0000042", "93.184.216.34", "noon")


def plant_in_tables() -> int:
    """A row of canaries in each table that takes one; how many texts that are."""
    count = 0
    plain = [model for model in apps.get_models() if not model._meta.proxy]
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for model in plain:
            fields = [one for one in model._meta.concrete_fields if not isinstance(one, models.AutoField)]
            values = [_value(field) for field in fields]
            columns = ", ".join(f'"{field.column}"' for field in fields)
            places = ", ".join(["%s"] * len(fields))
            cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})', values)
            count += sum(isinstance(value, str | bytes) for value in values)
    return count


def _value(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.BinaryField):
        return orjson.dumps({"body": CANARY}) if "hash" not in field.name else CANARY.encode()
    if isinstance(field, models.DateTimeField):
        return "2031-01-01 00:00:00+00:00" if connection.vendor == "postgresql" else "2031-01-01 00:00:00"
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.CharField | models.TextField):
        most = getattr(field, "max_length", None)
        return CANARY[:most] if most else CANARY
    if isinstance(field, models.FloatField):
        return 1.0
    return 4242  # small enough for every kind of number


def with_canaries(section: Any, prefix: str = "") -> Any:
    """The configuration with canaries in every text that is not shown to the whole network anyway."""
    changes: dict[str, Any] = {}
    for key in keys_of(type(section)):
        name, value = prefix + key.name, getattr(section, key.name)
        if key.section is not None:
            changes[key.name] = with_canaries(value, f"{name}.")
        elif name not in OPEN and (planted := _planted(get_args(key.type)[0], value)) is not None:
            changes[key.name] = planted
    return replace(section, **changes)


def _planted(kind: Any, value: Any) -> Any:
    if kind is str:
        return CANARY
    if get_origin(kind) is tuple and get_args(kind)[0] is str:
        return CANARIES
    if get_origin(kind) is dict:
        return {CANARY: "debug"}
    return None


def plant_in_log(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("error", "reason", "fault", "url", "path", "user_id", "server", "body", "kind")
    fields: dict[str, Any] = dict.fromkeys(names, CANARY)
    events = (CANARY, min(known_events()))
    lines: list[dict[str, Any]] = [{"event": event, "logger": "matrix_app", **fields} for event in events]
    lines += [{"event": "x", CANARY: 1, "nested": {"a": CANARY}, "list": [CANARY]}]
    trace = f'Traceback:\n  File "/home/canary/x.py", line 3, in f\n    {CANARY}\nValueError: {CANARY}'
    lines += [{"event": one, "exception": trace} for one in CANARIES]
    (folder / "recent.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))


def contents(bundle: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive.getmembers()}  # type: ignore[union-attr]


@pytest.fixture
def planted(config: Config, tmp_path: Path) -> Iterator[Config]:
    assert plant_in_tables() > 100
    present = get_config()
    data = tmp_path / "data"
    plant_in_log(data / "logs")
    for name in ("media", "secrets", "backups"):
        (data / name).mkdir(parents=True)
        (data / name / CANARY.replace("/", " ")[:100]).write_text(CANARY)
    planted = with_canaries(replace(present, server=replace(present.server, data_dir=data)))
    with use_config(planted):
        yield planted


@pytest.mark.parametrize("names", [False, True])
def test_no_canary_comes_out(planted: Config, names: bool) -> None:
    stream = io.BytesIO()
    entries = write(stream, lambda masker: found_now(run_checks(), masker) + found_last(), names=names)
    found = contents(stream.getvalue())
    assert [f"hearth-support/{one.name}" for one in entries] == list(found)[:-1]
    for name, content in found.items():
        text = content.decode().lower()
        if names:  # then just the user is to be seen
            text = text.replace("@canary_bird:hearth.example", "")
        lines = [line for line in text.splitlines() if any(word in line for word in WORDS)]
        assert lines == [], (name, lines)


def test_it_tells_what_helps(config: Config, clients: ClientFactory) -> None:
    clients.make()
    stream = io.BytesIO()
    write(stream, lambda masker: found_now(run_checks(["database"]), masker))
    found = {name.partition("/")[2]: content for name, content in contents(stream.getvalue()).items()}
    assert json.loads(found["versions.json"])["libraries"]["Django"].startswith("5.2")
    assert b'server.name = "hearth.example"' in found["configuration.txt"]
    assert b"mail.password = (not set)" in found["configuration.txt"]
    assert b"web.threads = 4" in found["configuration.txt"]
    figures = json.loads(found["database.json"])
    assert (figures["engine"], figures["migrations"]["missing"]) == (connection.vendor, [])
    assert figures["tables"]["account"]["rows"] == 1
    assert "database.connect" in {one["id"] for one in json.loads(found["checks.json"])}
    assert json.loads(found["sizes.json"])["disk"]["total"] > 0
    assert b"look through it" in found["README.txt"].lower()


def test_a_part_that_cannot_be_made_says_so_and_the_others_are_there(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from appliance.support import database

    def refuse() -> dict[str, Any]:
        raise OperationalError(CANARY)

    monkeypatch.setattr(database, "facts", refuse)
    stream = io.BytesIO()
    write(stream, lambda _masker: [])
    found = contents(stream.getvalue())
    assert json.loads(found["hearth-support/database.json"]) == {"could_not_be_made": "OperationalError"}
    assert len(found) == 9


def test_the_command_writes_a_file_that_only_its_owner_reads_and_tells_what_is_in_it(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bundle.tar.gz"
    assert main(["support-bundle", "--output", str(file), "--last-checks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == file.stat().st_size
    assert {one["name"] for one in told["contents"]} >= {"versions.json", "log.jsonl", "database.json"}
    assert file.stat().st_mode & 0o777 == 0o600
    row = stored_audit.page(before=None, limit=1)[0]
    assert (row.action, row.via, row.details) == ("support.bundle", "cli", {"names": False})
    assert main(["support-bundle", "--output", str(file), "--last-checks"]) == 1
    assert "is there already" in capsys.readouterr().err
    nowhere = tmp_path / "nothing" / "bundle.tar.gz"
    assert main(["support-bundle", "--output", str(nowhere), "--last-checks"]) == 1
    assert f"{nowhere} cannot be written: No such file" in capsys.readouterr().err


def test_a_bundle_for_the_page_is_kept_for_a_day(config: Config, tmp_path: Path) -> None:
    with use_config(replace(config, server=replace(config.server, data_dir=tmp_path))):
        nid = keep.start(CLI, names=False)
        assert keep.start(CLI, names=False) == nid
        long_tasks.run(nid)
        row = stored_tasks.find(nid)
        assert row is not None
        (one,) = keep.kept()
        assert (row.state, row.result) == (stored_tasks.DONE, {"file": one.name})
        with keep.fetch(CLI, one.name) as file:
            assert "hearth-support/README.txt" in contents(file.read())
        assert stored_audit.page(before=None, limit=1)[0].action == "support.fetch"
        assert keep.forget_old() == 0
        long_ago = 1_000_000_000
        os.utime(tmp_path / "support" / one.name, (long_ago, long_ago))
        assert keep.forget_old() == 1
        assert keep.kept() == []


@pytest.mark.parametrize("name", ["../secrets/signing.key", "x", "hearth-support-20310101T000000Z.tar.gz"])
def test_nothing_else_is_fetched(config: Config, name: str) -> None:
    with pytest.raises(NotFound):
        keep.fetch(audit.CLI, name)
