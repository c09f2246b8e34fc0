"""What an owner does with backups, here and elsewhere."""

from __future__ import annotations

from tests.admin_ui.deeds.files import press_below
from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage


@deed(
    admin_backup_make="task.start",
    admin_backup_kit="backup.kit",
    admin_backup_verify="task.start",
    admin_backup_fetch="backup.fetch",
    admin_backup_download="backup.fetch",
    admin_backups_host_key="backup.look_at_key",
    admin_backups_trust="backup.trust",
    admin_backups_elsewhere_test="backup.test_remote",
    admin_backup_upload="task.start",
    admin_backup_verify_there="task.start",
    admin_backup_remove="backup.remove",
    admin_backup_fetch_here="task.start",
)
def keep_backups_here_and_elsewhere(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/backups/")
    assert "AGE-SECRET-KEY-" in owner.fetch("Fetch the emergency kit")
    owner.open("/admin/backups/")
    owner.press("Back up now")
    stage.task_is_done(owner)
    owner.open("/admin/backups/")
    name = owner.page.locator("tbody a").first.inner_text()
    owner.follow(name)
    owner.press("Verify by a restore elsewhere")
    stage.task_is_done(owner)
    open_backup(owner, name)
    assert owner.page.locator(".badge", has_text="sound").first.inner_text() == "sound"
    assert owner.fetch("Fetch")
    assert "manifest.json" in owner.fetch("Fetch it as one file")
    trust_the_machine(stage, owner)
    copy_verify_and_fetch_again(stage, owner, name)


def open_backup(owner: Hand, name: str) -> None:
    owner.open(f"/admin/backups/{name}/")


def trust_the_machine(stage: Stage, owner: Hand) -> None:
    """Its key is looked at and confirmed, and it lets this server in."""
    owner.open("/admin/backups/elsewhere/")
    stage.machine.admit(owner.page.locator(".copy code").inner_text())
    owner.press("Look at the key that it shows now")
    owner.press("They are the same: trust it")
    owner.press("Test it")
    owner.says("It works.")


def copy_verify_and_fetch_again(stage: Stage, owner: Hand, name: str) -> None:
    open_backup(owner, name)
    owner.press("Copy it there")
    stage.task_is_done(owner)
    assert list((stage.machine.folder / "there").rglob("manifest*"))
    open_backup(owner, name)
    owner.press("Read it there and verify it")
    stage.task_is_done(owner)
    open_backup(owner, name)
    owner.unfold("Remove the backup")
    owner.type_to_confirm(name)
    press_below(owner, "Remove the backup")
    owner.says("The backup has been removed.")
    open_backup(owner, name)
    owner.press("Fetch it into the folder here")
    stage.task_is_done(owner)
    open_backup(owner, name)
    assert owner.fetch("Fetch")
