"""Every setting is documented, and the documents say what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import load_config
from appliance.config.fields import Section
from appliance.config.keys import Key, keys_of
from appliance.config.reference import reference
from appliance.config.sample import sample
from appliance.config.schema import Config
from appliance.config.write import REFERENCE, SAMPLE


def every_key(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, Key]]:
    for key in keys_of(section):
        yield prefix + key.name, key
        if key.section is not None:
            yield from every_key(key.section, f"{prefix}{key.name}.")


@pytest.mark.parametrize(
    ("name", "key"), list(every_key()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_has_a_sentence(name: str, key: Key) -> None:
    sentence = key.sentence or (key.section.__doc__ if key.section else "") or ""
    assert sentence.strip().endswith("."), f"{name} is not documented"


def test_the_sample_is_what_the_schema_says() -> None:
    assert SAMPLE.read_text() == sample(), "run python -m appliance.config.write"


def test_the_reference_is_what_the_schema_says() -> None:
    assert REFERENCE.read_text() == reference(), "run python -m appliance.config.write"


def test_the_sample_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text(sample())
    (tmp_path / "empty.toml").write_text("")
    assert load_config({"HEARTH_CONFIG": str(file)}) == load_config(
        {"HEARTH_CONFIG": str(tmp_path / "empty.toml")}
    )


def test_the_sample_with_every_key_uncommented_changes_nothing_either(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text(re.sub(r"^# (\[?[a-z0-9_.]+(?:\]| = ))", r"\1", sample(), flags=re.MULTILINE))
    (tmp_path / "empty.toml").write_text("")
    assert "\nname = " in file.read_text()
    assert load_config({"HEARTH_CONFIG": str(file)}) == load_config(
        {"HEARTH_CONFIG": str(tmp_path / "empty.toml")}
    )
