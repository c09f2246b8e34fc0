"""What is wrong with a configuration, by key."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One fault: the key as it is written in `hearth.toml`, and a sentence."""

    key: str
    message: str


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every fault that was found, not just the first."""

    def __init__(self, problems: list[Problem], *, source: str) -> None:
        self.problems = sorted(problems)
        self.source = source
        super().__init__(self.render())

    def render(self) -> str:
        """The faults as the lines that a person reads."""
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the configuration ({self.source}):"
        return "\n".join([head, *(f"  {problem.key}: {problem.message}" for problem in self.problems)])
