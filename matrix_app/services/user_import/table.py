"""Reading the table: what the columns mean, and what each row asks for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from matrix_app.protocol.errors import InvalidParam

MOST_BYTES: Final = 5_000_000
MOST_ROWS: Final = 10_000

# What a column is, by the names that it has here and in tables of other tools.
_MEANINGS: Final = {
    "user": "user",
    "id": "user",
    "name": "user",
    "user_id": "user",
    "username": "user",
    "display_name": "display_name",
    "displayname": "display_name",
    "password": "password",
    "addresses": "addresses",
    "email": "addresses",
    "mail": "addresses",
    "threepids": "addresses",
    "admin": "admin",
    "is_admin": "admin",
    "guest": "special",
    "is_guest": "special",
    "bridge": "special",
    "deactivated": "special",
}
_YES: Final = frozenset({"yes", "true", "1", "on", "y", "x", "ja", "oui"})
_NO: Final = frozenset({"", "no", "false", "0", "off", "n", "nein", "non"})
_DELIMITERS: Final = ",;\t|"


class Row(NamedTuple):
    """A row: where it is in the file, and whom it asks for. `fault` says why it can be no account."""

    number: int
    line: int
    user: str
    display_name: str
    password: str
    addresses: tuple[str, ...]
    is_admin: bool
    cells: tuple[str, ...]
    fault: str = ""


class Table(NamedTuple):
    """A table, with the columns that nothing is made of."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: list[Row]


def read_table(content: bytes) -> Table:
    """The table in a CSV file; raises `InvalidParam` for what is none, or too large."""
    if len(content) > MOST_BYTES:
        raise InvalidParam("The file is too large: five megabytes are the most")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidParam("The file is no text in UTF-8") from None
    if "\0" in text:
        raise InvalidParam("The file is no text in UTF-8")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        return _table(reader)
    except csv.Error as fault:
        raise InvalidParam("The file is no table with comma-separated values") from fault


def _delimiter(text: str) -> str:
    """The sign that the first line has most of."""
    head = text.lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


class _Lines(Protocol):
    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def _table(reader: _Lines) -> Table:
    columns = tuple(_plain(cell) for cell in next(reader, []))
    meanings = [_MEANINGS.get(column.casefold(), "") for column in columns]
    if "user" not in meanings:
        raise InvalidParam("The first row must name the columns; one of them is called user")
    rows: list[Row] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == MOST_ROWS:
            raise InvalidParam("The table is too large: ten thousand rows are the most")
        rows.append(_row(len(rows), reader.line_num, cells, meanings))
    ignored = tuple(
        column for column, meaning in zip(columns, meanings, strict=True) if column and not meaning
    )
    return Table(columns, ignored, rows)


def _row(number: int, line: int, cells: list[str], meanings: list[str]) -> Row:
    values: dict[str, str] = {}
    fault = "" if len(cells) <= len(meanings) else "The row has more cells than there are columns"
    for meaning, cell in zip(meanings, cells, strict=False):
        value = _plain(cell)
        if meaning == "special" and value.casefold() not in _NO:
            fault = fault or "Guests, users of bridges and deactivated accounts cannot be made"
        elif meaning and value:
            values[meaning] = f"{values.get(meaning, '')} {value}".strip()
    admin = values.get("admin", "").casefold()
    if admin not in _YES | _NO:
        fault = fault or "Whether somebody is an administrator is yes or no"
    return Row(
        number,
        line,
        values.get("user", ""),
        values.get("display_name", ""),
        values.get("password", ""),
        tuple(re.split(r"[\s,;]+", values["addresses"])) if "addresses" in values else (),
        admin in _YES,
        tuple(cells),
        fault,
    )


def _plain(cell: str) -> str:
    """A cell without the sign that keeps spreadsheets from taking it for a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text
