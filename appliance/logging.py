"""Log lines: one event a line, for people or as JSON, each with what is known about its request."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars

from appliance.recent_log import RecentLog

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from structlog.typing import Processor

    from appliance.config.sections.server import Logging


class Target(Protocol):
    """Where log lines go."""

    def write(self, text: str, /) -> object:
        """Take a line."""
        ...

    def flush(self) -> None:
        """Hold nothing back."""
        ...

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        ...


# Chatty below warnings, and none of it is about Hearth.
QUIET = (
    "gunicorn.error",
    "uvicorn.error",
    "asyncio",
    "django-q",
    "django.db.backends",
    "aiohttp",
    "asyncssh",
)


def request_context(request_id: str, **more: Any) -> AbstractContextManager[None]:
    """Inside the block every log line of this task or thread carries the request's id."""
    return bound_contextvars(request_id=request_id, **more)


def set_up_logging(config: Logging, stream: Target = sys.stderr, recent: Path | None = None) -> None:
    """Sends all log lines of this process, Hearth's and its libraries', to `stream`. May be called again.

    The latest are also kept in the folder `recent`, for the page that shows them.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(config.format, colors=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    if recent is not None:
        kept = RecentLog(recent)
        kept.setFormatter(_formatter("json", colors=False))
        root.addHandler(kept)
    root.setLevel(config.level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name, level in config.levels.items():
        logging.getLogger(name).setLevel(level.upper())
    _configure_structlog()


def _shared() -> list[Processor]:
    return [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _formatter(format_name: str, *, colors: bool) -> logging.Formatter:
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if format_name == "json":
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_dumps)]
    else:
        plain = structlog.dev.plain_traceback
        last += [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder(), _without_request], processors=last
    )


def _without_request(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Django shows the whole request with a line: its query may hold an access token."""
    line.pop("request", None)
    return line


def _dumps(line: dict[str, Any], **_: Any) -> str:
    import orjson

    return orjson.dumps(line, default=str).decode()
