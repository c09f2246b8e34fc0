"""Template tags and filters of the pages: the menu, icons, sizes and times."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import npgettext

from admin_ui.navigation import MENU
from admin_ui.user_agents import browser_name
from admin_ui.words import WORDS
from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.services import setup
from matrix_app.services import spoken as in_words
from matrix_app.storage import check_results, long_tasks
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.task_lines import Line

register = template.Library()

NOTHING = "\u2013"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of `icons.svg`; what it means is said by the text beside it."""
    address = staticfiles_storage.url("hearth/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', address, name)


@register.simple_tag
def server_name() -> str:
    """The name of this server."""
    return get_config().server.name


@register.simple_tag
def version() -> str:
    """The version of Hearth."""
    return VERSION


@register.simple_tag
def setup_is_open() -> bool:
    """Whether this server is still to be set up."""
    return setup.is_open()


@register.inclusion_tag("admin_ui/checks/badge.html")
def health_badge() -> dict[str, str]:
    """How the server is, as the checks found it last, with a link to them."""
    return {"worst": check_results.worst(now_ms())}


@register.simple_tag(takes_context=True)
def menu(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of the menu, with the entry of the present page marked."""
    match = context["request"].resolver_match
    here = match.url_name if match else ""
    return [
        {
            "label": group.label,
            "entries": [
                {
                    "address": reverse(entry.url),
                    "label": entry.label,
                    "icon": entry.icon,
                    "is_here": here == entry.below or here.startswith((f"{entry.below}-", f"{entry.below}s")),
                }
                for entry in group.entries
            ],
        }
        for group in MENU
    ]


@register.filter
def bytes_text(size: int | None) -> str:
    """A number of bytes for people: 1.5 MiB."""
    if size is None:
        return NOTHING
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    places = 0 if unit == 0 or amount >= 100 else 1
    return f"{number_format(f'{amount:.{places}f}')} {_UNITS[unit]}"


@register.filter
def count(number: int | None) -> str:
    """A number of things for people, with its thousands apart: 13,185."""
    return NOTHING if number is None else number_format(number, use_l10n=True, force_grouping=True)


@register.filter
def browser(user_agent: str | None) -> SafeString:
    """What a browser is called, with all that it says of itself as its title."""
    return format_html('<span title="{}">{}</span>', user_agent or "", browser_name(user_agent or ""))


@register.filter
def said(word: str | None, kind: str) -> Promise | str:
    """What a word of Matrix means, in the visitor's language; one that is not known stays as it is."""
    return WORDS.get(kind, {}).get(word or "", word or NOTHING)


@register.filter
def spoken(text: str) -> str:
    """A sentence of a service or a check, in the visitor's language."""
    return in_words.spoken(text)


@register.filter
def step_text(task: LongTaskRow) -> Promise | str:
    """Where a long task is: a word for it, or a sentence, or a name."""
    return WORDS["step"].get(task.step) or in_words.spoken(task.step)


@register.filter
def line_text(line: Line) -> Promise | str:
    """A line of the log of a long task: a step as `step_text` has it, or a sentence."""
    return WORDS["step"].get(line.text) or in_words.spoken(line.text)


@register.inclusion_tag("admin_ui/tasks/tray.html")
def tasks_badge() -> dict[str, Any]:
    """How many long tasks are at work, on every page; joins are of no concern to administrators."""
    return {"count": long_tasks.count_unfinished()}


@register.filter
def kib_text(count: int) -> str:
    """A size that is known in KiB."""
    return bytes_text(count * 1024)


@register.filter
def moment(ts: int) -> str:
    """A time in milliseconds, as all exact times of the pages are."""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    """The languages of the pages: their codes, and their names in themselves."""
    return list(settings.LANGUAGES)


@register.filter
def when(ts: int | None) -> SafeString | str:
    """A time in milliseconds: how long ago, with the exact time as its title."""
    if ts is None:
        return NOTHING
    moment = datetime.fromtimestamp(ts / 1000, UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        _ago(time.time() - ts / 1000),
    )


def _ago(seconds: float) -> str:
    if seconds < 0:
        return _("in %s") % _span(-seconds)
    if seconds < 60:
        return _("just now")
    return _("%s ago") % _span(seconds)


def _span(seconds: float) -> str:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    # The context is for languages in which a span has another case after "in" and before "ago".
    if minutes < 60:
        return npgettext("in or ago", "%d minute", "%d minutes", minutes) % minutes
    if hours < 48:
        return npgettext("in or ago", "%d hour", "%d hours", hours) % hours
    if days < 60:
        return npgettext("in or ago", "%d day", "%d days", days) % days
    if days < 730:
        return npgettext("in or ago", "%d month", "%d months", days // 30) % (days // 30)
    return npgettext("in or ago", "%d year", "%d years", days // 365) % (days // 365)
