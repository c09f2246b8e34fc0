"""What a rule's actions come to ("Actions" of the push notifications module)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether an event notifies, whether it is highlighted, and the tweaks for the push gateway.

    Without `notify` nothing else is set. `sound` is the value of that tweak, None when there is none.
    """

    notify: bool = False
    highlight: bool = False
    sound: str | None = None
    tweaks: dict[str, Any] = field(default_factory=dict)


SILENT: Final = Outcome()


def outcome_of(actions: Sequence[Any] | None) -> Outcome:
    """The outcome of a matching rule's `actions`; None (no rule matched) is silent.

    The historical actions `dont_notify` and `coalesce` are ignored, as is anything unknown.
    """
    if not actions or "notify" not in actions:
        return SILENT
    tweaks = dict(_tweak(action) for action in actions if isinstance(action, dict) and "set_tweak" in action)
    sound = tweaks.get("sound")
    return Outcome(
        notify=True,
        highlight=tweaks.get("highlight") is True,
        sound=sound if isinstance(sound, str) else None,
        tweaks=tweaks,
    )


def _tweak(action: dict[str, Any]) -> tuple[str, Any]:
    name = action["set_tweak"]
    # A highlight tweak without a value is true.
    return name, action.get("value", True if name == "highlight" else None)
