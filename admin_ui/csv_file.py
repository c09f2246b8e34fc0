"""Tables for spreadsheets, as files that are sent while they are made."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.http import StreamingHttpResponse

# Spreadsheets take what begins so for a formula; the last four are the wide forms of the first.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_ROWS_AT_ONCE: Final = 200


class _Line:
    """What the writer writes into: it hands each line back."""

    def write(self, text: str) -> str:
        return text


def safe(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A table as a file to be saved; its rows are read as it is sent."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(
        _pieces(columns, rows), content_type="text/csv; charset=utf-8", headers=headers
    )


def _pieces(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    piece = [str(writer.writerow([safe(column) for column in columns]))]
    for row in rows:
        piece.append(str(writer.writerow([safe(value) for value in row])))
        if len(piece) >= _ROWS_AT_ONCE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)
