"""How a server may answer that no server should."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.faults.peer import Answering, Call, Peer

MIB = 1 << 20


async def hang(_call: Call) -> web.StreamResponse:
    """Never."""
    await asyncio.Event().wait()
    raise AssertionError("nobody can get here")


async def garbage(_call: Call) -> web.StreamResponse:
    """With bytes that are no JSON."""
    return web.Response(body=b"\x00\xff{]" * 1000, content_type="application/json")


async def wrong_types(_call: Call) -> web.StreamResponse:
    """With JSON that is not what was asked for."""
    return web.json_response([{"pdus": 7, "events": "none", "pdu_ids": {}}])


async def break_off(call: Call) -> web.StreamResponse:
    """With less than was announced."""
    response = web.StreamResponse(headers={"Content-Length": "100000", "Content-Type": "application/json"})
    await response.prepare(call.http)
    await response.write(b'{"pdus": {')
    assert call.http.transport is not None
    call.http.transport.abort()
    return response


async def flood(call: Call) -> web.StreamResponse:
    """With 100 MB of JSON."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(call.http)
    await response.write(b'{"pdus": [')
    for _ in range(100):
        await response.write(b"[]," * (MIB // 3))
    await response.write(b"[]]}")
    return response


async def fail(_call: Call) -> web.StreamResponse:
    """With an error of the server."""
    return web.json_response({"errcode": "M_UNKNOWN", "error": "Oh"}, status=500)


FAULTS: dict[str, Answering] = {
    "hangs": hang,
    "answers garbage": garbage,
    "answers something else": wrong_types,
    "closes mid-body": break_off,
    "sends 100 MB": flood,
    "fails": fail,
}


def accepting(peer: Peer, fault: Answering) -> Answering:
    """A server that takes a transaction and then answers so."""

    async def answer(call: Call) -> web.StreamResponse:
        peer.accept(call)
        return await fault(call)

    return answer
