"""Hearth's connection to PostgreSQL, with another way of emptying all tables after a test.

Django has PostgreSQL truncate them, which makes new files for each of some 150 tables and their indexes:
60 ms for each of thousands of tests. A table that was never written to has no pages; most others have few
rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.backends.postgresql import operations

from matrix_app.storage.postgresql import base

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is larger is truncated: the rows that were deleted would be read over and over.
FEW_BYTES: Final = 65_536
_SIZES: Final = (
    "SELECT relname, pg_relation_size(oid) FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname = ANY(%s)"
)


class DatabaseOperations(operations.DatabaseOperations):
    """Empties only tables that may have rows."""

    def sql_flush(
        self, style: Any, tables: Sequence[str], *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Statements that empty tables, to be run in one transaction."""
        with self.connection.cursor() as cursor:
            cursor.execute(_SIZES, (list(tables),))
            sizes = dict(cursor.fetchall())
        small = [name for name in tables if 0 < sizes[name] <= FEW_BYTES]
        large = [name for name in tables if sizes[name] > FEW_BYTES]
        deletions = [f"DELETE FROM {self.quote_name(name)}" for name in small]
        truncations = super().sql_flush(
            style, large, reset_sequences=reset_sequences, allow_cascade=allow_cascade
        )
        return deletions + list(truncations)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of a test."""

    ops_class = DatabaseOperations
