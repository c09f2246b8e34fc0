"""Files of secrets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from appliance import secrets
from appliance.config import load_config, use_config


def test_a_secret_is_made_once_and_then_read(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "secret"
    assert secrets.read_or_create(file, lambda: "first") == "first"
    assert secrets.read_or_create(file, lambda: "second") == "first"


def test_only_the_server_and_its_group_can_read_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "secret"
    secrets.read_or_create(file, lambda: "x")
    assert file.stat().st_mode & 0o777 & ~0o640 == 0
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_all_who_start_at_once_read_the_same_secret_and_leave_nothing_behind(tmp_path: Path) -> None:
    numbers = count()
    file = tmp_path / "secret"
    with ThreadPoolExecutor(8) as pool:
        reads = pool.map(lambda _: secrets.read_or_create(file, lambda: str(next(numbers))), range(64))
        assert len(set(reads)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_signing_key_is_an_ed25519_line_with_a_seed_of_32_bytes(tmp_path: Path) -> None:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})):
        algorithm, identifier, seed = secrets.signing_key_text().split()
    assert algorithm == "ed25519"
    assert identifier.startswith("a_")
    assert len(seed) == 43


def test_every_secret_is_made_before_it_is_asked_for(tmp_path: Path) -> None:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})) as config:
        secrets.create_all()
        names = {path.name for path in config.server.secrets_dir.iterdir()}
    assert names == {
        "django_secret_key",
        "token_pepper",
        "sealing_key",
        "registration_shared_secret",
        "signing.key",
    }
