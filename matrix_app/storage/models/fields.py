"""How tables here refer to one another.

Rows point to rows by integer surrogate keys ("nid", numeric ID). Hot tables do so without foreign
key constraints: the services write all sides in one transaction, and a constraint would add a
look-up and an index to every message.
"""

from __future__ import annotations

from typing import Any

from django.db import models


def own_nid() -> models.BigAutoField[Any, Any]:
    """The surrogate key of a table; values are never used twice."""
    return models.BigAutoField(primary_key=True)


def ref(*, null: bool = False, index: bool = False) -> models.BigIntegerField[Any, Any]:
    """The nid of a row in another table."""
    return models.BigIntegerField(null=null, db_index=index)


def stream_position() -> models.BigIntegerField[Any, Any]:
    """A position in the one stream (see `stream.py`)."""
    return models.BigIntegerField()


def timestamp(*, null: bool = False) -> models.BigIntegerField[Any, Any]:
    """Milliseconds since the epoch."""
    return models.BigIntegerField(null=null)
