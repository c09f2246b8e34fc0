"""The few pages and mails that the homeserver itself writes, from `matrix_app/templates`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config import get_config

if TYPE_CHECKING:
    from django.template import Engine

_FOLDER = Path(__file__).resolve().parent.parent / "templates"


@lru_cache(maxsize=1)
def _engine() -> Engine:
    from django.template import Engine

    return Engine(dirs=[str(_FOLDER)], autoescape=True, libraries={"i18n": "django.templatetags.i18n"})


def render(name: str, /, **values: Any) -> str:
    """A template filled in; HTML is escaped, text (`.txt`) is not."""
    from django.template import Context

    everywhere = {"server_name": get_config().server.name}
    context = Context({**everywhere, **values}, autoescape=not name.endswith(".txt"))
    return _engine().get_template(name).render(context)
