"""What the settings of backups may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from appliance.config import Config
from appliance.config.backup_checks import check_backups

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHSkMp53kqIjwZOYvynjpHEleSxtOUPXcWrG53nJdfyy"


def faults(config: Config, **sections: dict[str, Any]) -> list[str]:
    backup = config.backup
    parts = {
        name: replace(getattr(backup, name), **keys) for name, keys in sections.items() if name != "backup"
    }
    return [
        problem.key
        for problem in check_backups(
            replace(config, backup=replace(backup, **parts, **sections.get("backup", {})))
        )
    ]


def test_a_place_must_be_told_whole(config: Config) -> None:
    assert faults(config) == []
    assert faults(config, backup={"remote": "s3"}) == ["backup.s3.bucket"]
    assert faults(config, backup={"remote": "s3"}, s3={"bucket": "b"}) == []
    assert faults(config, backup={"remote": "sftp"}) == ["backup.sftp.host", "backup.sftp.user"]
    assert faults(config, backup={"remote": "sftp"}, sftp={"host": "h", "user": "u", "host_key": KEY}) == []


@pytest.mark.parametrize(
    ("section", "keys", "fault"),
    [
        ("s3", {"endpoint": "s3.example.org"}, "endpoint"),
        ("s3", {"access_key": "a"}, "secret_key"),
        ("s3", {"access_key_file": Path("a")}, "secret_key_file"),
        (
            "s3",
            {
                "access_key": "a",
                "secret_key": "b",
                "access_key_file": Path("a"),
                "secret_key_file": Path("b"),
            },
            "access_key_file",
        ),
        ("sftp", {"password": "a", "password_file": Path("a")}, "password_file"),
        ("sftp", {"host_key": "AAAA"}, "host_key"),
        ("sftp", {"host_key": f"{KEY}\n{KEY}"}, "host_key"),
        ("sftp", {"host_key": KEY.replace("ssh-ed25519", "ssh-dss")}, "host_key"),
    ],
)
def test_what_contradicts_itself_is_told(
    config: Config, section: str, keys: dict[str, Any], fault: str
) -> None:
    assert faults(config, **{section: keys}) == [f"backup.{section}.{fault}"]
