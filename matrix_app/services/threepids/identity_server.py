"""Telling identity servers which address is whose ("Identity Service API")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadGateway, InvalidParam, MatrixError, errcode_to_tell
from matrix_app.protocol.ids import is_server_name, parse_text
from matrix_app.services.local_identity import local_identity
from matrix_app.services.outgoing_http import Answer, bearer, post_json
from matrix_app.storage import db, threepid_bindings
from matrix_app.storage.threepid_bindings import Binding

_BIND = "/_matrix/identity/v2/3pid/bind"
_UNBIND = "/_matrix/identity/v2/3pid/unbind"


def bind(
    user_id: str, user_nid: int, *, id_server: str, id_access_token: str, sid: str, client_secret: str
) -> None:
    """Bind an address that was validated at an identity server; its errors are passed on."""
    content = encode_canonical({"sid": sid, "client_secret": client_secret, "mxid": user_id})
    answer = _post(id_server, _BIND, content, bearer(id_access_token))
    body = answer.json()
    if answer.status != 200:
        raise _passed_on(answer)
    medium, address = body.get("medium"), body.get("address")
    if not isinstance(medium, str) or not isinstance(address, str):
        raise BadGateway("The identity server gave no answer that makes sense")
    with db.write():
        threepid_bindings.insert(user_nid, Binding(medium, address, id_server))


def unbind(user_id: str, user_nid: int, medium: str, address: str, id_server: str | None) -> bool:
    """Unbind an address at an identity server, or at all where it was bound; False when one cannot do it."""
    parse_text(medium + address)
    servers = [id_server] if id_server else threepid_bindings.servers_of(user_nid, medium, address)
    bindings = [Binding(medium, address, server) for server in servers]
    return bool(bindings) and unbind_all(user_id, user_nid, bindings)


def unbind_all(user_id: str, user_nid: int, bindings: Iterable[Binding]) -> bool:
    """Unbind addresses, each whatever becomes of those before; False when a server does not support that.

    What an identity server says against it is raised in the end.
    """
    results: list[bool] = []
    faults: list[MatrixError] = []
    for binding in bindings:
        try:
            results.append(_unbind_one(user_id, user_nid, binding))
        except MatrixError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return all(results)


def _unbind_one(user_id: str, user_nid: int, binding: Binding) -> bool:
    threepid = {"medium": binding.medium, "address": binding.address}
    content = {"mxid": user_id, "threepid": threepid}
    headers = {"Authorization": _signature(binding.id_server, content)}
    answer = _post(binding.id_server, _UNBIND, encode_canonical(content), headers)
    unsupported = _knows_no_unbinding(answer)
    if answer.status != 200 and not unsupported:
        raise _passed_on(answer)
    with db.write():
        threepid_bindings.delete(user_nid, binding)
    return not unsupported


def _knows_no_unbinding(answer: Answer) -> bool:
    # "If the response body is not a JSON Matrix error, the identity server does not support unbinds. If a
    # JSON Matrix error is in the response body, the requesting party should respect the error."
    errcode = answer.json().get("errcode")
    return answer.status in (400, 404, 501) and errcode in (None, "M_UNRECOGNIZED")


def _signature(id_server: str, content: dict[str, Any]) -> str:
    """The header of a request signed by this server, as for federation."""
    identity = local_identity()
    request = {
        "method": "POST",
        "uri": _UNBIND,
        "origin": identity.server_name,
        "destination": id_server,
        "content": content,
    }
    key = identity.signing_key
    signature = key.sign(encode_canonical(request))
    return (
        f'X-Matrix origin="{identity.server_name}",destination="{id_server}",'
        f'key="{key.key_id}",sig="{signature}"'
    )


def _post(id_server: str, path: str, content: bytes, headers: dict[str, str]) -> Answer:
    if not is_server_name(id_server):
        raise InvalidParam("id_server is not a server name")
    return post_json(f"https://{id_server}{path}", content, headers)


def _passed_on(answer: Answer) -> MatrixError:
    body = answer.json()
    if (400 <= answer.status < 500 or answer.status == 501) and isinstance(body.get("errcode"), str):
        # "Homeservers should simply proxy any errors", but for those that would sign the client out here.
        errcode = errcode_to_tell(body) or "M_UNAUTHORIZED"
        return MatrixError(str(body.get("error") or ""), errcode=errcode, status=answer.status)
    return BadGateway("The identity server could not do it")
