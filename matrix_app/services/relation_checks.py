"""What a client may not relate to ("Forming relationships between events")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.relations import ANNOTATION, check_new_relation, relation_of
from matrix_app.services.client_transaction import Transaction
from matrix_app.storage import events, relations, transactions


def check_relation(
    requester: Requester, event_type: str, content: Mapping[str, Any], transaction: Transaction | None
) -> None:
    """Raise `DuplicateAnnotation`, or `BadRequest` for a thread where there can be none.

    A repeated request is not refused: its first one made the relation.
    """
    relation = relation_of(content) if "m.relates_to" in content else None
    if relation is None or (transaction is not None and transactions.find_event(*transaction) is not None):
        return
    annotated = relation.rel_type == ANNOTATION and relations.has_annotated(
        relation.event_id, requester.user_nid, event_type, relation.key
    )
    parent = events.row_by_id(relation.event_id)
    parent_content = None if parent is None else events.parse(parent).content
    check_new_relation(content, parent_content, annotated_already=annotated)
