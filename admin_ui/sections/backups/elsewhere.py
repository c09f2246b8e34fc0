"""The place elsewhere to which backups are copied: whether it works, whom to trust, what to fetch."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.backup import places, remote_task
from appliance.backup.remote import probe
from appliance.backup.remote.state import read_state
from appliance.backup.remote.store import remote_title
from appliance.config import get_config
from appliance.config.stored import fixed_keys
from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.services import audit


class ShownKey(NamedTuple):
    """A key that the machine shows, to be compared by a person."""

    line: str
    fingerprint: str
    is_changed: bool

    @property
    def kind(self) -> str:
        """What its file is called on the machine."""
        return self.line.partition(" ")[0].removeprefix("ssh-").partition("-")[0]


def _page(visit: Visit, **values: Any) -> HttpResponse:
    config, title = get_config().backup, remote_title()
    sftp = config.sftp if config.remote == "sftp" else None
    return visit.page(
        "backups/elsewhere", elsewhere=title, state=read_state(title), encrypted=config.encrypt, sftp=sftp,
        **(_keys(sftp.host_key) if sftp else {}), **values,
    )  # fmt: skip


def _keys(trusted: str) -> dict[str, Any]:
    from appliance.backup.remote.host_key import fingerprint
    from appliance.backup.remote.ssh_key import public_key

    return {"public_key": public_key(), "trusted": fingerprint(trusted) if trusted else ""}


@page("admin")
def overview(visit: Visit) -> HttpResponse:
    """What is configured, and how it fares."""
    return _page(visit)


@page("admin", confirmed=True)
def test(visit: Visit) -> HttpResponse:
    """Write, read and remove a small file there."""
    address = reverse("admin:backups-elsewhere")
    if not visit.is_post:
        return visit.redirect(address)
    audit.record(visit.actor, "backup.test_remote", remote_title())
    with waiting_for_others():
        count = probe.probe()
    return visit.redirect(address, _t("It works. Backups of this server there: %s.") % count)


@page("admin", confirmed=True)
def look_at_key(visit: Visit) -> HttpResponse:
    """Show the key of the machine, for a person to compare it."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backups-elsewhere"))
    from appliance.backup.remote.host_key import fingerprint, present_host_key

    sftp = get_config().backup.sftp
    audit.record(visit.actor, "backup.look_at_key", sftp.host)
    with waiting_for_others():
        line = present_host_key(sftp)
    if line == sftp.host_key:
        text = _t("It shows the key that was confirmed.")
        return visit.redirect(reverse("admin:backups-elsewhere"), text)
    return _page(visit, shown=ShownKey(line, fingerprint(line), bool(sftp.host_key)))


@page("admin", confirmed=True)
def trust(visit: Visit) -> HttpResponse:
    """Take the key that was compared for that of the machine."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backups-elsewhere"))
    if "backup.sftp.host_key" in fixed_keys():
        raise Forbidden(_t("The configuration file says which key it must have."))
    sftp, line = get_config().backup.sftp, visit.form.get("host_key", "")
    if not line:
        raise InvalidParam(_t("There is no key to trust."))
    if sftp.host_key:
        visit.require_typed(sftp.host)
    probe.trust_host(visit.actor, line)
    return visit.redirect(reverse("admin:backups-elsewhere"), _t("The key is trusted from now on."))


@page("admin")
def upload(visit: Visit, name: str) -> HttpResponse:
    """Have a backup copied there."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    nid = remote_task.start_upload(visit.actor, places.known_backup(name).id)
    return visit.redirect(reverse("admin:task", args=[nid]))


@page("admin")
def fetch_here(visit: Visit, name: str) -> HttpResponse:
    """Have a backup fetched from there."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    nid = remote_task.start_fetch(visit.actor, places.known_backup(name).id)
    return visit.redirect(reverse("admin:task", args=[nid]))


@page("admin")
def verify_there(visit: Visit, name: str) -> HttpResponse:
    """Have a backup verified where it lies."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    nid = remote_task.start_check(visit.actor, places.known_backup(name).id)
    return visit.redirect(reverse("admin:task", args=[nid]))
