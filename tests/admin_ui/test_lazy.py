"""Views that are imported when one of them is first asked for."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from admin_ui.lazy import LazyView
from tests.factories.page_views import page_views
from tests.real_server import PROJECT

TELL = """
import sys
import django
django.setup()
from django.urls import get_resolver, resolve, reverse
get_resolver().url_patterns
reverse("admin:user-lock", args=[7])
resolve("/account/profile/")
print(*(name for name in sys.modules if name.startswith("admin_ui.sections.")))
"""


def test_every_address_leads_to_a_view() -> None:
    lazy = [view for view in page_views() if isinstance(view.pattern.callback, LazyView)]
    assert len(lazy) > 100
    for view in lazy:
        assert inspect.isfunction(inspect.unwrap(view.pattern.callback)), view


def test_every_action_has_an_address() -> None:
    named = [repr(view.pattern.callback) for view in page_views()]
    for module in ("users.actions", "users.belongings", "rooms.actions", "policies.actions", "bridges.views"):
        table = import_module(f"admin_ui.sections.{module}").ACTIONS
        assert table
        for key in table:
            assert f"<admin_ui.sections.{module}.ACTIONS[{key!r}]>" in named, f"{module} {key}"


def test_addresses_are_made_and_found_without_the_views(tmp_path: Path) -> None:
    environ = {**os.environ, "HEARTH_SERVER__NAME": "hs.example", "HEARTH_SERVER__DATA_DIR": str(tmp_path)}
    environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, cwd=PROJECT, env=environ, check=True, capture_output=True, text=True)
    views = [name for name in done.stdout.split() if name.count(".") > 2 and not name.endswith(".urls")]
    assert views
    assert {name.split(".")[2] for name in views} == {"sign_in"}
