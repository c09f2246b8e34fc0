"""An ID for each request, in every log line about it and in the answer's `X-Request-ID`."""

from __future__ import annotations

import itertools
import os
import secrets
from typing import Any

import structlog

# One process's IDs begin with the same random letters and count on.
_counter = itertools.count(1)
_prefix = secrets.token_hex(5)


def _renew_prefix() -> None:
    global _prefix  # noqa: PLW0603  (processes are forked from one that has imported this)
    _prefix = secrets.token_hex(5)


os.register_at_fork(after_in_child=_renew_prefix)


def bind_request_id(scope: dict[str, Any]) -> str:
    """Give the request an ID and bind it to the log lines of its task and of its view."""
    request_id = f"{_prefix}-{next(_counter):x}"
    scope["hearth.request_id"] = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id
