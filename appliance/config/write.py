"""Writes `hearth.toml` and `docs/configuration.md` from the schema: `python -m appliance.config.write`."""

from __future__ import annotations

from pathlib import Path

from appliance.config.reference import reference
from appliance.config.sample import sample

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "hearth.toml"
REFERENCE = PROJECT / "docs" / "configuration.md"


def main() -> None:
    """Writes both."""
    SAMPLE.write_text(sample(), encoding="utf-8")
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
