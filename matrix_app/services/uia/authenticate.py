"""One step of user-interactive authentication, and its end."""

from __future__ import annotations

from typing import Any, NamedTuple

from matrix_app.protocol.errors import BadJson, Forbidden, MatrixError, UserInteractive
from matrix_app.services.uia import sessions
from matrix_app.services.uia.operation import Operation
from matrix_app.services.uia.stages import OAUTH, SSO, StageFailedError, check_stage, stage_params
from matrix_app.storage import interning
from matrix_app.storage.uia_sessions import UiaSession


class Completed(NamedTuple):
    """A session whose stages are done: what was asked for, what each stage found, and any earlier outcome."""

    session_id: str
    params: dict[str, Any]
    results: dict[str, Any]
    outcome: Any


def authenticate(operation: Operation, auth: dict[str, Any] | None) -> Completed:
    """Take the `auth` of a request one step on.

    Returns when a flow is complete; raises `UserInteractive` (401) with what is left to do otherwise.
    """
    if auth is None:
        raise challenge(sessions.begin(operation))
    session_id = auth.get("session")
    if session_id is not None and not isinstance(session_id, str):
        raise BadJson("auth.session must be a string")
    session = sessions.resume(session_id, operation) if session_id else sessions.begin(operation)
    stage = auth.get("type")
    if stage is not None and not isinstance(stage, str):
        raise BadJson("auth.type must be a string")
    if stage is None and any(OAUTH in flow for flow in session.request["flows"]):
        stage = OAUTH  # it is completed elsewhere, and asked about by the session alone
    if stage is not None and stage not in session.completed:
        session = _take(session, stage, auth, operation)
    if not _is_complete(session):
        raise challenge(session)
    _check_sso_user(session)
    done = dict(session.completed)
    outcome = done.pop(sessions.OUTCOME, None)
    return Completed(session.session_id, session.request["params"], done, outcome)


def _take(session: UiaSession, stage: str, auth: dict[str, Any], operation: Operation) -> UiaSession:
    if is_out_of_order(session, stage):
        raise challenge(session, Forbidden("This stage comes later"))
    try:
        result = check_stage(stage, session, auth, operation.ip)
    except StageFailedError as failure:
        raise challenge(session, failure.error) from failure
    return sessions.note(session, stage, result)


def is_out_of_order(session: UiaSession, stage: str) -> bool:
    """Whether a stage is part of a flow, but not what comes next in any: flows are completed in order."""
    flows: list[list[str]] = session.request["flows"]
    if not any(stage in flow for flow in flows):
        return False
    return not any(
        stage in flow and all(before in session.completed for before in flow[: flow.index(stage)])
        for flow in flows
    )


def _is_complete(session: UiaSession) -> bool:
    return any(all(stage in session.completed for stage in flow) for flow in session.request["flows"])


def _check_sso_user(session: UiaSession) -> None:
    user_id = session.completed.get(SSO)
    if (
        user_id is not None
        and session.user_nid is not None
        and interning.find_user(user_id) != session.user_nid
    ):
        raise Forbidden("You signed in as another user")


def challenge(session: UiaSession, error: MatrixError | None = None) -> UserInteractive:
    """The 401 that says what is left to do, and why the last attempt failed, if it did."""
    flows: list[list[str]] = session.request["flows"]
    body: dict[str, Any] = {
        "session": session.session_id,
        "flows": [{"stages": flow} for flow in flows],
        "params": stage_params({stage for flow in flows for stage in flow}),
    }
    completed = [stage for stage in session.completed if stage != sessions.OUTCOME]
    if error is None:
        if completed:
            body["completed"] = completed
        return UserInteractive(**body)
    return UserInteractive(error.message, errcode=error.errcode, completed=completed, **body)


def finish(session_id: str, outcome: Any) -> None:
    """Remember what the operation led to, so that a repeated request finds it (`Completed.outcome`)."""
    session = sessions.find(session_id)
    if session is not None:
        sessions.note(session, sessions.OUTCOME, outcome)


def has_outcome(auth: dict[str, Any] | None) -> bool:
    """Whether the session of an `auth` has led to something already."""
    session_id = None if auth is None else auth.get("session")
    session = sessions.find(session_id) if isinstance(session_id, str) else None
    return session is not None and sessions.OUTCOME in session.completed
