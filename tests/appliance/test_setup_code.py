"""The one-time setup code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import load_config, use_config
from appliance.setup_code import check_setup_code, has_setup_code, new_setup_code, use_setup_code


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})):
        yield tmp_path


def test_a_code_is_checked_without_being_spent() -> None:
    code = new_setup_code()
    assert check_setup_code(code)
    assert check_setup_code(code)


def test_a_code_can_be_used_once() -> None:
    code = new_setup_code()
    assert use_setup_code(code)
    assert not use_setup_code(code)
    assert not has_setup_code()


def test_a_code_may_be_typed_in_small_letters_and_without_dashes() -> None:
    assert check_setup_code(new_setup_code().lower().replace("-", " "))


@pytest.mark.parametrize("wrong", ["", "AAAA-AAAA-AAAA-AAAA", "----"])
def test_another_code_is_refused(wrong: str) -> None:
    new_setup_code()
    assert not use_setup_code(wrong)
    assert has_setup_code()


def test_without_a_code_none_is_accepted() -> None:
    assert not has_setup_code()
    assert not use_setup_code("")


def test_a_new_code_replaces_the_one_before() -> None:
    first = new_setup_code()
    second = new_setup_code()
    assert not check_setup_code(first)
    assert check_setup_code(second)


def test_the_code_itself_is_not_stored(data_dir: Path) -> None:
    code = new_setup_code()
    file = data_dir / "secrets" / "setup_code"
    assert code not in file.read_text()
    assert code.replace("-", "") not in file.read_text()
    assert file.stat().st_mode & 0o777 & ~0o640 == 0
