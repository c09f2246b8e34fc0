"""The keys of this server, as it publishes them and as it verifies its own events."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from appliance.config import get_config
from matrix_app.protocol.server_keys import PublishedKey, parse_old_key, publish
from matrix_app.services.local_identity import local_identity
from matrix_app.storage.clock import now_ms
from matrix_app.storage.server_keys import StoredKey

# "Originating servers should avoid returning responses that expire in less than an hour".
VALIDITY_MS: Final = 24 * 3600 * 1000
_ALWAYS: Final = 2**53 - 1


def published_keys() -> dict[str, Any]:
    """The answer of `GET /_matrix/key/v2/server`, signed."""
    name, key = local_identity()
    return publish(name, key, _old_keys(), now_ms() + VALIDITY_MS)


def own_key(key_id: str) -> StoredKey | None:
    """A key of this server, present or old."""
    name, key = local_identity()
    if key_id == key.key_id:
        return StoredKey(name, key_id, key.verify_key, _ALWAYS, None, 0)
    for old in _old_keys():
        if old.key_id == key_id:
            return StoredKey(name, key_id, old.verify_key, _ALWAYS, old.expired_ts, 0)
    return None


def _old_keys() -> tuple[PublishedKey, ...]:
    return _parsed(get_config().federation.old_signing_keys)


@lru_cache(maxsize=1)
def _parsed(texts: tuple[str, ...]) -> tuple[PublishedKey, ...]:
    return tuple(parse_old_key(text) for text in texts)
