"""Files that follow from the configuration."""

from __future__ import annotations

from pathlib import Path

from appliance.reconfigure.files import Derived, write


def test_a_file_is_written_only_where_it_would_be_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "Caddyfile"
    written = write(Derived(file, "one\n"), dry_run=False)
    assert written is not None
    assert (written.before, written.change.did) == (False, "written")
    assert file.read_text() == "one\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert write(Derived(file, "one\n"), dry_run=False) is None


def test_what_was_there_before_is_kept_beside(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text("by hand\n")
    write(Derived(file, "ours\n"), dry_run=False)
    assert (tmp_path / "Caddyfile.old").read_text() == "by hand\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Caddyfile", "Caddyfile.old"]


def test_the_difference_is_told_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "turnserver.conf"
    file.write_text("realm=a\nstatic-auth-secret=hunter2\n")
    written = write(Derived(file, "realm=b\nstatic-auth-secret=hunter3\n"), dry_run=True)
    assert written is not None
    told = written.change.detail
    assert "-realm=a" in told
    assert "+realm=b" in told
    assert "static-auth-secret=(hidden)" in told
    assert "hunter" not in told


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    assert write(Derived(file, "one\n"), dry_run=True) is not None
    assert not file.exists()
    file.write_text("# as printed by: hearth render-proxy caddy\n")
    assert write(Derived(file, None, is_wanted=False), dry_run=True) is not None
    assert file.exists()


def test_only_what_hearth_has_written_is_removed(tmp_path: Path) -> None:
    mine, ours = tmp_path / "mine", tmp_path / "ours"
    mine.write_text("# my own\nhearth render-proxy is mentioned below\n")
    ours.write_text("# coturn for Hearth, as printed by: hearth render-turn\n")
    assert write(Derived(mine, None, is_wanted=False), dry_run=False) is None
    assert write(Derived(ours, None, is_wanted=False), dry_run=False) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_cannot_be_made_now_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text("as before\n")
    assert write(Derived(file, None), dry_run=False) is None
    assert file.read_text() == "as before\n"


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "Caddyfile"
    other.write_text("somebody else's\n")
    file.symlink_to(other)
    write(Derived(file, "ours\n"), dry_run=False)
    assert other.read_text() == "somebody else's\n"
    assert not file.is_symlink()
