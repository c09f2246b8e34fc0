"""Another server, by the specification and without Hearth's code: its key, certificate, signed requests."""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from booted.machine import HOST, NAME, SECONDS, remembered, tell
from booted.names import trust

sys.path.append("/usr/lib/hearth-runtime")
from nacl.signing import SigningKey

PORT: Final = 8450
PEER: Final = f"other.example:{PORT}"
KEY_ID: Final = "ed25519:story"
# Made by booted.prepare.
FOLDER: Final = Path("/test/peer")
HOUR_MS: Final = 3_600_000


def check_federation(profile: str) -> None:
    """A request of another server through port 8448 is answered when it has signed it, and only then."""
    began = time.monotonic()
    key = own_key()
    target = f"/_matrix/federation/v1/query/profile?user_id=%40alice%3A{NAME}"
    with published(key) as asked:
        assert request(target, None) == (401, "M_UNAUTHORIZED")
        assert request(target, header(SigningKey.generate(), "GET", target)) == (401, "M_UNAUTHORIZED")
        assert request(target, header(key, "GET", target + "&field=x")) == (401, "M_UNAUTHORIZED")
        code, found = request(target, header(key, "GET", target))
        assert (code, found) == (200, profile), (code, found)
    assert asked or remembered(), "nobody asked for the key"
    known = "its key was asked for" if asked else "its key is known"
    tell(
        f"a signed request of another server ({known}) is answered at 8448; unsigned, wrong ones are refused",
        began,
    )


def own_key() -> SigningKey:
    """The same after a reboot: who knows it does not ask again."""
    seed = FOLDER / "seed"
    if not seed.exists():
        seed.write_bytes(bytes(SigningKey.generate()))
    return SigningKey(seed.read_bytes())


def request(target: str, authorization: str | None) -> tuple[int, str]:
    """The status, and the code of the error or the name that was asked for."""
    line = http.client.HTTPSConnection(HOST, 8448, timeout=SECONDS, context=trust())
    try:
        line.request("GET", target, headers={"Authorization": authorization} if authorization else {})
        answer = line.getresponse()
        body = json.loads(answer.read())
    finally:
        line.close()
    return answer.status, str(body.get("errcode") or body.get("displayname"))


def header(key: SigningKey, method: str, target: str) -> str:
    """Server-server API, "Request Authentication"."""
    signed = {"method": method, "uri": target, "origin": PEER, "destination": NAME}
    signature = unpadded(key.sign(canonical(signed)).signature)
    return f'X-Matrix origin="{PEER}",destination="{NAME}",key="{KEY_ID}",sig="{signature}"'


def key_document(key: SigningKey) -> bytes:
    """Server-server API, GET /_matrix/key/v2/server."""
    document: dict[str, Any] = {
        "server_name": PEER,
        "valid_until_ts": int(time.time() * 1000) + HOUR_MS,
        "verify_keys": {KEY_ID: {"key": unpadded(bytes(key.verify_key))}},
        "old_verify_keys": {},
    }
    signature = unpadded(key.sign(canonical(document)).signature)
    return canonical({**document, "signatures": {PEER: {KEY_ID: signature}}})


def canonical(value: Any) -> bytes:
    """Appendices, "Canonical JSON"."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def unpadded(data: bytes) -> str:
    """Appendices, "Unpadded Base64"."""
    return base64.b64encode(data).decode().rstrip("=")


class _Peer(http.server.ThreadingHTTPServer):
    def __init__(self, document: bytes) -> None:
        super().__init__(("", PORT), _Handler)
        self.document = document
        self.asked: list[str] = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(FOLDER / "peer.crt", FOLDER / "peer.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The key; nothing else is asked of this server."""
        peer = cast("_Peer", self.server)
        peer.asked.append(self.path)
        is_key = self.path.startswith("/_matrix/key/v2/server")
        body = peer.document if is_key else b'{"errcode":"M_UNRECOGNIZED","error":"?"}'
        self.send_response(200 if is_key else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the console is the story's."""


@contextmanager
def published(key: SigningKey) -> Iterator[list[str]]:
    """The other server while it runs; what was asked of it."""
    with _Peer(key_document(key)) as peer:
        thread = threading.Thread(target=peer.serve_forever)
        thread.start()
        try:
            yield peer.asked
        finally:
            peer.shutdown()
            thread.join()
