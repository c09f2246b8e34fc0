"""The latest log lines, filtered, and renewed while one looks."""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import orjson
from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.recent_log import lines

MOST_SHOWN = 300
_LEVELS = ("debug", "info", "warning", "error", "critical")
LEVELS = (
    ("debug", _("All")),
    ("info", _("Information and worse")),
    ("warning", _("Warnings and worse")),
    ("error", _("Errors")),
)
_FIRST = ("timestamp", "level", "logger", "event")
_KNOWN = (*_FIRST, "exception")


class Filter(forms.Form):
    """Which lines are shown."""

    level = forms.ChoiceField(label=_("Level"), choices=LEVELS, required=False)
    logger = forms.CharField(label=_("Part"), required=False, max_length=100)
    q = forms.CharField(label=_("Search"), required=False, max_length=200)


class Line(NamedTuple):
    """A line as the page shows it."""

    timestamp: str
    level: str
    logger: str
    event: str
    fields: dict[str, Any]
    exception: str


def found_lines(level: str, logger: str, search: str) -> list[Line]:
    """The latest lines that a filter keeps, the latest first."""
    least = _LEVELS.index(level) if level in _LEVELS else 0
    wanted = (
        line
        for line in lines(get_config().server.data_dir / "logs")
        if _rank(line) >= least
        and logger in str(line.get("logger", ""))
        and (not search or search.lower() in orjson.dumps(line).decode().lower())
    )
    return [_shown(line) for line in islice(wanted, MOST_SHOWN)]


def _rank(line: dict[str, Any]) -> int:
    level = str(line.get("level", "info"))
    return _LEVELS.index(level) if level in _LEVELS else 1


def _shown(line: dict[str, Any]) -> Line:
    more = {name: value for name, value in line.items() if name not in _KNOWN}
    timestamp, level, logger, event = (str(line.get(name, "")) for name in _FIRST)
    return Line(timestamp, level, logger, event, more, str(line.get("exception", "")))


def _filtered(visit: Visit) -> list[Line]:
    return found_lines(visit.query("level", "info"), visit.query("logger").strip(), visit.query("q").strip())


@page("admin")
def logs(visit: Visit) -> HttpResponse:
    """The page; htmx asks for its lines alone every few seconds."""
    shown = _filtered(visit)
    if visit.is_partial:
        return visit.page("logs/lines", lines=shown)
    form = Filter(
        {"level": visit.query("level", "info"), "logger": visit.query("logger"), "q": visit.query("q")},
        label_suffix="",
    )
    return visit.page("logs/logs", lines=shown, form=form, most=MOST_SHOWN)


@page("admin")
def download(visit: Visit) -> HttpResponse:
    """All lines that are kept, as text, the oldest first."""
    kept = list(lines(get_config().server.data_dir / "logs"))
    content = b"\n".join(orjson.dumps(line) for line in reversed(kept)) + b"\n"
    headers = {"Content-Disposition": 'attachment; filename="hearth-log.jsonl"'}
    return HttpResponse(content, content_type="application/x-ndjson", headers=headers)
