"""Giving out one-time keys, each to one claimer only ("One-time and fallback keys")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from orjson import Fragment

from matrix_app.protocol.errors import MatrixError, Unavailable
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.protocol.remote_keys import read_claimed_keys
from matrix_app.services.remote_keys import MOST_SERVERS, key_servers, seconds_of
from matrix_app.services.user_servers import split_by_server
from matrix_app.storage import (
    claimed_keys,
    db,
    device_messages,
    devices,
    fallback_keys,
    interning,
    one_time_keys,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.fallback_keys import FallbackKey
from matrix_app.storage.one_time_keys import OneTimeKey

# User ID to device ID to algorithm.
Wanted = Mapping[str, Mapping[str, str]]
# User ID to device ID to "algorithm:key_id" to key.
Claimed = dict[str, dict[str, dict[str, Any]]]


def claim_keys(wanted: Wanted, timeout_ms: int) -> dict[str, Any]:
    """Claim keys of users anywhere: the body of the answer, with an error for each server that gave none."""
    local, remote = split_by_server(wanted)
    claimed = claim_local_keys(local)
    answers = _ask(dict(islice(remote.items(), MOST_SERVERS)), seconds_of(timeout_ms)) if remote else {}
    failures = {}
    for server, users in remote.items():
        answer = answers.get(server, Unavailable("Too many servers are asked at once"))
        if isinstance(answer, MatrixError):
            failures[server] = answer.body()
        else:
            claimed.update(read_claimed_keys(answer, users))
    return {"one_time_keys": claimed, "failures": failures}


def _ask(by_server: Mapping[str, Wanted], seconds: float) -> dict[str, dict[str, Any] | MatrixError]:
    try:
        return key_servers().claim(by_server, seconds)
    except Unavailable as error:
        return dict.fromkeys(by_server, error)


def claim_local_keys(wanted: Wanted) -> Claimed:
    """Claim keys of users of this server; who has none is left out.

    The oldest one-time key is given, and where there is none the fallback key.
    """
    names = {nid: user_id for user_id, nid in interning.user_nids(wanted).items()}
    # Device nid to its user's ID, its ID and the algorithm that is wanted.
    asked: dict[int, tuple[str, str, str]] = {}
    for user_nid, device_id, device_nid in devices.addresses(names) if names else []:
        algorithm = wanted[names[user_nid]].get(device_id)
        if algorithm is not None:
            parse_opaque_text(algorithm, "key algorithm")
            asked[device_nid] = names[user_nid], device_id, algorithm
    claimed: Claimed = {}
    for key in _take({nid: algorithm for nid, (_, _, algorithm) in asked.items()}) if asked else []:
        user_id, device_id, algorithm = asked[key.device_nid]
        claimed.setdefault(user_id, {})[device_id] = {f"{algorithm}:{key.key_id}": Fragment(key.key)}
    return claimed


def _take(asked: Mapping[int, str]) -> list[OneTimeKey]:
    """The keys for devices by nid, each asked for an algorithm; they are given once this has committed."""
    with db.write():
        given = one_time_keys.claim(list(asked.items()))
        claimed_keys.remember(given, now_ms())
        without = asked.keys() - {key.device_nid for key in given}
        fallbacks = [key for key in _fallbacks(without) if asked[key.device_nid] == key.algorithm]
        unused = [key for key in fallbacks if not key.used]
        for algorithm in {key.algorithm for key in unused}:
            fallback_keys.mark_used(
                algorithm, [key.device_nid for key in unused if key.algorithm == algorithm]
            )
        told = [key.device_nid for key in given] + [key.device_nid for key in unused]
        device_messages.counts_changed(told)
    return given + [OneTimeKey(key.device_nid, key.algorithm, key.key_id, key.key) for key in fallbacks]


def _fallbacks(device_nids: Iterable[int]) -> list[FallbackKey]:
    nids = list(device_nids)
    return fallback_keys.of_devices(nids) if nids else []
