"""Stages that are completed in a browser, outside of the client's request."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import BadRequest, NotFound
from matrix_app.services.uia import sessions
from matrix_app.services.uia.authenticate import is_out_of_order
from matrix_app.services.uia.stages import SSO, StageFailedError, check_stage
from matrix_app.storage.uia_sessions import UiaSession


def session_for_stage(session_id: str, stage: str) -> UiaSession:
    """The session in which a stage is to be completed; raises `NotFound` or `BadRequest`."""
    session = sessions.find(session_id)
    if session is None or not any(stage in flow for flow in session.request["flows"]):
        raise NotFound("There is nothing to confirm: it may have taken too long")
    if is_out_of_order(session, stage):
        raise BadRequest("Another step comes first")
    return session


def complete_stage(session: UiaSession, stage: str, given: dict[str, Any], ip: str) -> str | None:
    """Attempt a stage; what went wrong, or None when it is done."""
    try:
        result = check_stage(stage, session, given, ip)
    except StageFailedError as failure:
        return failure.error.message
    sessions.note(session, stage, result)
    return None


def complete_sso(session_id: str, user_id: str) -> None:
    """Note as whom somebody signed in outside; `authenticate` judges whether that is the right user."""
    session = session_for_stage(session_id, SSO)
    sessions.note(session, SSO, user_id)
