"""Which columns of a list somebody wants to see: said in the address, and remembered by their browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpResponse

from admin_ui.tables import Column
from admin_ui.visit import Visit

PARAMETER: Final = "columns"
_LONGEST_SECONDS: Final = 400 * 24 * 3600


class ChosenColumns:
    """The columns of a list that may be left out, and which of them are wanted."""

    def __init__(self, visit: Visit, name: str, columns: Sequence[Column]) -> None:
        self._visit = visit
        self._cookie = f"hearth_columns_{name}"
        self.columns = [column for column in columns if column.key]
        known = {column.key for column in self.columns}
        self.is_said = PARAMETER in visit.http.GET
        if self.is_said:
            wanted: Sequence[str] = visit.http.GET.getlist(PARAMETER)
        elif self._cookie in visit.http.COOKIES:
            wanted = visit.http.COOKIES[self._cookie].split(".")
        else:
            wanted = [column.key for column in self.columns if column.usual]
        self.wanted = frozenset(wanted) & known

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Each of the columns, and whether it is wanted."""
        return [
            {"key": column.key, "label": column.label, "wanted": column.key in self.wanted}
            for column in self.columns
        ]

    @property
    def rest(self) -> list[tuple[str, str]]:
        """What else the address says, but for the page: the form that chooses columns keeps it."""
        said = self._visit.http.GET.items()
        return [(name, str(value)) for name, value in said if name not in (PARAMETER, "after")]

    def remember(self, response: HttpResponse) -> HttpResponse:
        """The response, by which the browser remembers what the address says."""
        if self.is_said:
            response.set_cookie(
                self._cookie,
                ".".join(sorted(self.wanted)),
                max_age=_LONGEST_SECONDS,
                secure=self._visit.http.is_secure(),
                httponly=True,
                samesite="Strict",
            )
        return response
