"""Changing settings while the server runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.config.runtime import SECRET, runtime_keys
from appliance.config.stored import fixed_keys, overlaid, packed, refresh, unpacked
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.protocol.said import said, said_of
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage import db, settings
from matrix_app.storage.clock import now_ms

_HIDDEN: Final = "(a secret)"


def change_settings(actor: Actor, changes: Mapping[str, Any]) -> None:
    """Store several settings at once, all or none; they are in effect when this returns, elsewhere soon.

    Raises `NotFound` for a setting that cannot be changed while the server runs, `Forbidden` for one that the
    file or the environment fixes, `InvalidParam` with every fault of the new values.
    """
    known, fixed = runtime_keys(), fixed_keys()
    for name in changes:
        if name not in known:
            raise NotFound(said("{name} cannot be changed while the server runs", name=name))
        if name in fixed:
            raise Forbidden(said("{name} is fixed by the configuration file or the environment", name=name))
    with db.write():
        # One that another version of Hearth has stored is in nobody's way: no page could change it.
        present = {
            name: unpacked(name, value) for name, value in settings.all_values().items() if name in known
        }
        _, problems = overlaid({**present, **changes})
        if problems:
            told_of = [
                said("{key}: {problem}", key=one.key, problem=said_of(one.message)) for one in problems
            ]
            raise InvalidParam(said("{problems:parts}", problems=told_of))
        now = _later(now_ms())
        for name, value in changes.items():
            settings.put(name, packed(name, value), now, actor.user_nid)
        told = {name: _HIDDEN if name in SECRET else value for name, value in changes.items()}
        audit.record(actor, "settings.change", ", ".join(changes)[:200], **{"values": told})
        db.on_commit(lambda: refresh(now=True))


def reset_setting(actor: Actor, name: str) -> None:
    """Let the file or the default decide again; raises `NotFound` for one that was not changed on a page."""
    with db.write():
        if not settings.delete(name):
            raise NotFound(said("{name} has not been changed here", name=name))
        audit.record(actor, "settings.reset", name)
        db.on_commit(lambda: refresh(now=True))


def _later(now: int) -> int:
    """A time after that of every change so far, so that the version moves."""
    return max(now, settings.version()[1] + 1)
