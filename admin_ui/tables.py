"""Lists on pages: columns that sort, and pages that are found by a key and not by counting rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.functional import Promise

from admin_ui.visit import Visit

PAGE_SIZE: Final = 50
# Parameters of an address that leave no rows out.
_NO_FILTERS: Final = ("sort", "columns", "after")


@dataclass(frozen=True)
class Column:
    """A column: its heading, the key by which it sorts (none: it does not), and how it is aligned.

    One with a `key` can be left out; `usual` ones are not, unless somebody says so.
    """

    label: Promise | str
    sort: str = ""
    align: str = ""
    key: str = ""
    usual: bool = True


@dataclass
class Table:
    """What `components/table.html` shows. The address holds the whole state: filter, order and page.

    `rows` may have one row more than a page: it is left out, and there is a next page. Where rows do not
    tell, `following` is the place of the next page; `rows` are then all shown.
    """

    visit: Visit
    columns: Sequence[Column]
    rows: Sequence[Any]
    # The key of a row, for the address of the page after it.
    key: Any = None
    sort: str = ""
    size: int = PAGE_SIZE
    total: int | None = None
    empty: Promise | str = ""
    # What to do where there is nothing yet: what it is called, and its address.
    next_step: tuple[Promise | str, str] | None = None
    selectable: bool = False
    # The keys of the columns that are shown, of those that can be left out.
    chosen: frozenset[str] = frozenset()
    following: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Sequence[Any]:
        """The rows of this page."""
        return self.rows if self.following else self.rows[: self.size]

    @property
    def is_filtered(self) -> bool:
        """Whether the address asks for some rows only, so that others may be there."""
        return any(self.visit.query(name) for name in self.visit.http.GET if name not in _NO_FILTERS)

    @property
    def next_page(self) -> str:
        """The query of the next page, or nothing on the last."""
        if self.following:
            return with_query(self.visit, after=self.following)
        if len(self.rows) <= self.size:
            return ""
        return with_query(self.visit, after=str(self.key(self.shown[-1])))

    @property
    def first_page(self) -> str:
        """The query of the first page, or nothing when this is it."""
        return with_query(self.visit, after="") if self.visit.query("after") else ""

    @property
    def headings(self) -> list[dict[str, Any]]:
        """The columns, with the query that sorts by each and how the rows are sorted now."""
        shown = (column for column in self.columns if not column.key or column.key in self.chosen)
        return [self._heading(column) for column in shown]

    def _heading(self, column: Column) -> dict[str, Any]:
        if not column.sort:
            return {"label": column.label, "align": column.align}
        is_up, is_down = self.sort == column.sort, self.sort == f"-{column.sort}"
        query = with_query(self.visit, sort=f"-{column.sort}" if is_up else column.sort, after="")
        state = "ascending" if is_up else "descending" if is_down else ""
        return {"label": column.label, "align": column.align, "query": query, "state": state}


def with_query(visit: Visit, **changes: str) -> str:
    """The query of the present address with some parameters changed; an empty one is left out."""
    parameters = {name: values for name, values in visit.http.GET.lists() if name not in changes}
    parameters.update({name: [value] for name, value in changes.items() if value})
    return "?" + urlencode(parameters, doseq=True)
