"""Sends what schemathesis makes of the specification to a running server, and judges the answers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.fuzz.bundle import Document

Case = schemathesis.Case[Any]
PATIENCE = 15.0  # seconds for one answer
PASSWORD = "a horse, a battery and a staple"
# These take the token away, so each request is made with one of its own.
EXPENDABLE = {"/_matrix/client/v3/logout", "/_matrix/client/v3/logout/all"}
# These ask an identity server that the request names, whose silence is no fault of the homeserver.
ASK_OTHERS = ("/account/3pid", "/rooms/{roomId}/invite", "/requestToken")
# The first answers with what the client stored; the second with null where the specification has nothing,
# because older servers and what was tested against them do so. The third is empty where there is no TURN
# server: clients take that for "none", and an error for something that is broken.
OFF_SCHEMA = {
    "/_matrix/client/v3/room_keys/version",
    "/_matrix/client/v3/rooms/{roomId}/joined_members",
    "/_matrix/client/v3/voip/turnServer",
}
WAITING = {"/_matrix/client/v3/sync", "/_matrix/client/v3/events"}


class Inhabitant:
    """A user on the server, with a room that has something in it: what random identifiers never hit."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        name = f"fuzz{secrets.token_hex(4)}"
        session = self._call("POST", "v3/register", {}, expect=401)["session"]
        auth = {"type": "m.login.dummy", "session": session}
        account = self._call("POST", "v3/register", {"username": name, "password": PASSWORD, "auth": auth})
        self.user_id, self.device_id = account["user_id"], account["device_id"]
        self.http.headers["Authorization"] = f"Bearer {account['access_token']}"

    def _call(self, method: str, path: str, body: Document, expect: int = 200) -> Document:
        answer = self.http.request(method, f"{self.base}/_matrix/client/{path}", json=body, timeout=PATIENCE)
        assert answer.status_code == expect, answer.text
        found: Document = answer.json()
        return found

    def furnish(self) -> dict[str, str]:
        """Values for the parameters of paths: a new room with an event, and things of this user."""
        alias = f"fuzz{secrets.token_hex(4)}"
        room = self._call("POST", "v3/createRoom", {"room_alias_name": alias})["room_id"]
        content = {"msgtype": "m.text", "body": "here"}
        sent = self._call("PUT", f"v3/rooms/{room}/send/m.room.message/{secrets.token_hex(4)}", content)
        full_alias = f"#{alias}:{self.user_id.partition(':')[2]}"
        return {
            "roomId": room, "roomIdOrAlias": room, "roomAlias": full_alias, "eventId": sent["event_id"],
            "userId": self.user_id, "deviceId": self.device_id, "eventType": "m.room.message",
        }  # fmt: skip


class Verdicts:
    """The faults that were found, one of each kind for an operation."""

    def __init__(self) -> None:
        self.faults: dict[tuple[str, str], str] = {}
        self.requests = 0

    def add(self, operation: str, fault: str, case: Case) -> None:
        body = repr(case.body) if case.body is not NOT_SET else ""
        request = f"{case.formatted_path} {case.query or ''} {case.media_type or ''} {body}"
        self.faults.setdefault((operation, fault), request[:1500])

    def __str__(self) -> str:
        faults = sorted(self.faults.items())
        lines = [f"{where}: {fault}\n    {request}" for (where, fault), request in faults]
        return "\n".join(lines)


def explore(document: Document, base: str, *, examples: int, seconds: float) -> Verdicts:
    """Tries every operation of the document with valid and with invalid requests.

    At most `examples` of each kind, and no new operation after `seconds`; the share of the operations that
    were reached is then too small, which is a fault of its own.
    """
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=base)
    inhabitant, verdicts, deadline = Inhabitant(base), Verdicts(), time.monotonic() + seconds
    left = 0
    for operation in _operations(schema):
        if time.monotonic() > deadline:
            left += 1
            continue
        _explore_one(operation, inhabitant, verdicts, examples)
    assert left == 0, f"{left} operations were not reached in {seconds} s"
    return verdicts


def _operations(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def _explore_one(operation: Any, inhabitant: Inhabitant, verdicts: Verdicts, examples: int) -> None:
    places = inhabitant.furnish()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def attempt(case: Case, real: bool) -> None:
            if real:
                case.path_parameters = {k: places.get(k, v) for k, v in case.path_parameters.items()}
            _send(case, inhabitant, verdicts)

        # An operation without parameters has no invalid requests.
        with suppress(Unsatisfiable):
            attempt()


def _send(case: Case, inhabitant: Inhabitant, verdicts: Verdicts) -> None:
    if case.path in WAITING or "timeout" in case.query:
        case.query["timeout"] = "0"  # nobody has time to wait for news
    speaker = Inhabitant(inhabitant.base) if case.path in EXPENDABLE else inhabitant
    name = f"{case.method} {case.path}"
    verdicts.requests += 1
    try:
        answer = case.call(session=speaker.http, timeout=PATIENCE, allow_redirects=False)
    except requests.Timeout:
        verdicts.add(name, f"no answer in {PATIENCE:.0f} s", case)
        return
    for fault in judge(case, answer):
        verdicts.add(name, fault, case)


def judge(case: Case, answer: schemathesis.Response) -> Iterator[str]:
    """What is wrong with an answer, whatever the request was."""
    kind = answer.headers.get("content-type", [""])[0]
    excused = set(case.operation.definition.raw["responses"])
    if any(part in case.path for part in ASK_OTHERS):
        excused.add("502")
    if answer.status_code >= 500 and str(answer.status_code) not in excused:
        yield f"status {answer.status_code}"
    if answer.status_code >= 400:
        if not kind.startswith("application/json"):
            yield f"an error as {kind or 'nothing'}, not JSON (status {answer.status_code})"
        elif not explains_itself(answer.status_code, answer.json()):
            yield f"an error without errcode (status {answer.status_code})"
    elif answer.status_code == 200:
        yield from _not_as_described(case, answer)


def explains_itself(status: int, body: object) -> bool:
    """An errcode, or the stages of user-interactive authentication that are to be completed."""
    if not isinstance(body, dict):
        return False
    return isinstance(body.get("errcode"), str) or (status == 401 and isinstance(body.get("flows"), list))


def _not_as_described(case: Case, answer: schemathesis.Response) -> Iterator[str]:
    try:
        case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])
    except FailureGroup as found:
        for failure in found.exceptions:
            if case.path not in OFF_SCHEMA or failure.title != "Response violates schema":
                yield f"{failure.title}: {failure.message[:300]}"
