"""The records of DNS: those that the names should have, beside those that the checks found last."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpResponse

from admin_ui.page import page
from admin_ui.sections.setup.snippets import Record, Snippet, records, well_known_client, well_known_server
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.diagnostics.own_names import own_names
from matrix_app.storage import check_results
from matrix_app.storage.check_results import CheckRow

# What is shown below the table as it was found: a check, and what belongs there.
FILES = ("wellknown.server", "wellknown.client")


class Compared(NamedTuple):
    """A record, what was found of its kind, and how that fits: ok, warn, error, or unknown."""

    record: Record
    found: list[str]
    status: str


@page("admin")
def dns(visit: Visit) -> HttpResponse:
    """Nobody is asked here: it is what the checks found last."""
    config, rows = get_config(), check_results.all_rows()
    texts = (well_known_server(config), well_known_client(config))
    files = [
        (Snippet(f"/.well-known/matrix/{id.partition('.')[2]}", text), rows.get(id))
        for id, text in zip(FILES, texts, strict=True)
    ]
    return visit.page(
        "settings/dns",
        compared=[_compared(record, rows) for record in records(config)],
        files=files,
        service=rows.get("names.service"),
        looked_ts=max((row.checked_ts for id, row in rows.items() if id.startswith("names.")), default=None),
    )


def _compared(record: Record, rows: dict[str, CheckRow]) -> Compared:
    names = own_names()
    row = rows.get("names.host" if names is None or record.host == names.host else "names.server_name")
    addresses = row.data.get("addresses") if row is not None else None
    if not isinstance(addresses, list):
        return Compared(record, [], "unknown")
    found = [each for each in addresses if (":" in each) == (record.kind == "AAAA")]
    return Compared(record, found, _status(record, found, bool(addresses)))


def _status(record: Record, found: list[str], is_anywhere: bool) -> str:
    """A name needs one kind of record. Behind a router this machine does not know its address."""
    if not found:
        return "info" if is_anywhere else "error"
    return "ok" if not record.value or record.value in found else "warn"
