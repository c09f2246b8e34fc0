"""A backup that lies elsewhere: where that is, whom to trust there, and which one to fetch."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.sections.backups.elsewhere import ShownKey
from admin_ui.sections.settings.views import changes_of, form_of
from admin_ui.sections.setup.options import settings_of
from admin_ui.sections.setup.restore import restoring_step
from admin_ui.sections.setup.steps import show
from admin_ui.visit import Visit
from appliance.backup import remote_task
from appliance.backup.layout import ID
from appliance.backup.manifest import Manifest
from appliance.backup.remote import probe
from appliance.backup.remote.place import backups_in, own_folder
from appliance.backup.remote.store import RemoteError, open_store, remote_title
from appliance.config import get_config
from appliance.config.stored import fixed_keys
from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import Forbidden, InvalidParam, MatrixError, NotFound
from matrix_app.services.change_settings import change_settings

_S3 = ("endpoint", "bucket", "region", "prefix", "access_key", "secret_key", "path_style")
_SFTP = ("host", "port", "user", "folder", "password")
KEYS = {
    "s3": tuple(f"backup.s3.{name}" for name in _S3),
    "sftp": tuple(f"backup.sftp.{name}" for name in _SFTP),
}
TITLES = {"s3": _("An object store (S3)"), "sftp": _("A machine that is reached by SSH")}
LOOK_SECONDS = 60.0
MOST_SHOWN = 100


class There(NamedTuple):
    """A backup that lies elsewhere, and the folder of its server there."""

    server: str
    manifest: Manifest


def _kind(kind: str) -> str:
    if kind not in KEYS:
        raise NotFound(_t("There is no such kind of place"))
    return kind


@restoring_step
def place(visit: Visit, kind: str) -> HttpResponse:
    """Say where it is; then what is there can be looked at."""
    settings = settings_of(KEYS[_kind(kind)])
    form = form_of(settings, visit.form if visit.is_post else None)
    if visit.is_post and form.is_valid():
        try:
            change_settings(visit.actor, {**changes_of(settings, form), **_chosen(kind)})
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.redirect(reverse("setup:restore-elsewhere", args=[kind]))
    return _page(visit, kind, form=form)


def _chosen(kind: str) -> dict[str, Any]:
    """The kind of place, unless it is that already; raises `Forbidden` where the file says another."""
    if get_config().backup.remote == kind:
        return {}
    if "backup.remote" in fixed_keys():
        raise Forbidden(_t("The configuration file says of which kind the place is."))
    return {"backup.remote": kind}


def _page(visit: Visit, kind: str, **values: Any) -> HttpResponse:
    is_set = get_config().backup.remote == kind
    sftp = get_config().backup.sftp if kind == "sftp" and is_set else None
    shown = {"form": form_of(settings_of(KEYS[kind]), None), **values}
    return show(
        visit, "start", template="setup/restore_elsewhere", kind=kind, kind_title=TITLES[kind],
        elsewhere=remote_title() if is_set else "", sftp=sftp, kinds=TITLES.items(),
        **(_keys(sftp.host_key) if sftp else {}), **shown,
    )  # fmt: skip


def _keys(trusted: str) -> dict[str, Any]:
    from appliance.backup.remote.host_key import fingerprint
    from appliance.backup.remote.ssh_key import public_key

    return {"public_key": public_key(), "trusted": fingerprint(trusted) if trusted else ""}


@restoring_step
def look_at_key(visit: Visit) -> HttpResponse:
    """Show the key of the machine, for a person to compare it."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore-elsewhere", args=["sftp"]))
    from appliance.backup.remote.host_key import fingerprint, present_host_key

    sftp = get_config().backup.sftp
    with waiting_for_others():
        line = present_host_key(sftp)
    changed = bool(sftp.host_key) and line != sftp.host_key
    return _page(visit, "sftp", key=ShownKey(line, fingerprint(line), changed))


@restoring_step
def trust(visit: Visit) -> HttpResponse:
    """Take the key that was compared for that of the machine."""
    here = reverse("setup:restore-elsewhere", args=["sftp"])
    if not visit.is_post:
        return visit.redirect(here)
    if "backup.sftp.host_key" in fixed_keys():
        raise Forbidden(_t("The configuration file says which key it must have."))
    if not (line := visit.form.get("host_key", "")):
        raise InvalidParam(_t("There is no key to trust."))
    probe.trust_host(visit.actor, line)
    return visit.redirect(here, _t("The key is trusted from now on."))


@restoring_step
def look(visit: Visit, kind: str) -> HttpResponse:
    """What lies there, of every server."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore-elsewhere", args=[_kind(kind)]))
    with waiting_for_others():
        found = _all_there()
    return _page(visit, _kind(kind), there=found[:MOST_SHOWN], looked=True)


def _all_there() -> list[There]:
    until = time.monotonic() + LOOK_SECONDS

    def tick() -> None:
        if time.monotonic() > until:
            raise RemoteError("It did not answer in time")

    with open_store(tick) as store:
        found = [There(server, one) for server in store.folders("") for one in backups_in(store, server)]
    return sorted(found, key=lambda one: one.manifest.created_ts, reverse=True)


@restoring_step
def fetch(visit: Visit) -> HttpResponse:
    """Have a backup fetched into the folder of backups."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore"))
    name, server = visit.form.get("backup", ""), visit.form.get("server", "")
    if not ID.fullmatch(name) or not server or own_folder(server) != server:
        raise NotFound(_t("There is no such backup"))
    nid = remote_task.start_fetch(visit.actor, name, server)
    return visit.redirect(reverse("setup:restore-task", args=[nid]))
