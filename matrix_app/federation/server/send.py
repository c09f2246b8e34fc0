"""Transactions of other servers ("Transactions" of the server-server API)."""

from __future__ import annotations

from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request


@endpoint("PUT", "/_matrix/federation/v1/send/{txn_id}", auth=Auth.FEDERATION, rate="federation")
def put_transaction(request: Request) -> bytes:
    """Events and ephemeral data of another server (PUT /send/{txnId})."""
    return receive_transaction(request.origin, request.path["txn_id"], request.json_object())
