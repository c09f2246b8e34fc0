"""What takes long on the way to a restored server: how far a task is, and the restore itself."""

from __future__ import annotations

import time

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui import cookies
from admin_ui.page import page
from admin_ui.sections.setup.names import PATIENCE_SECONDS
from admin_ui.sections.setup.restore import restoring_step
from admin_ui.sections.setup.steps import show
from admin_ui.visit import Visit
from appliance.backup.order import outcome_for
from appliance.config import get_config
from appliance.restart import can_restart
from appliance.restore_order import Order, Outcome, forget_outcome, read_order
from matrix_app.protocol.errors import NotFound
from matrix_app.services import long_tasks, setup
from matrix_app.storage import long_tasks as stored
from matrix_app.storage.long_tasks import DONE, LongTaskRow

KINDS = ("backup.unpack", "backup.fetch", "backup.verify")


def _find(nid: int) -> LongTaskRow:
    row = stored.find(nid)
    if row is None or row.kind not in KINDS:
        raise NotFound(_t("There is no such task"))
    return row


@restoring_step
def task(visit: Visit, nid: int) -> HttpResponse:
    """How far a task is; when it has been done, its backup."""
    row = _find(nid)
    if row.state == DONE:
        return visit.redirect(reverse("setup:restore-backup", args=[row.result["backup"]]))
    if visit.is_partial:
        return visit.page("setup/restore_task_state", task=row)
    return show(visit, "start", template="setup/restore_task", task=row)


@restoring_step
def cancel(visit: Visit, nid: int) -> HttpResponse:
    """Ask for the end of a task."""
    if visit.is_post:
        long_tasks.cancel(_find(nid).nid, visit.actor)
    return visit.redirect(reverse("setup:restore-task", args=[nid]))


@page("admin", session=False)
def restoring(visit: Visit) -> HttpResponse:
    """Where the browser waits: before the processes go, and once they are back. Between, others answer."""
    data_dir = get_config().server.data_dir
    order = read_order(data_dir)
    if order is not None:
        return _waiting(visit, order)
    if visit.is_partial:  # its answer may be waited for no more, and what came of it is told once
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    outcome = outcome_for(cookies.session_token(visit.http, "setup"))
    if outcome is None:  # this browser has asked for nothing
        return visit.redirect(reverse("setup:home")) if setup.is_open() else _closed(visit)
    if outcome.error:
        return visit.redirect(reverse("setup:restore"))
    forget_outcome(data_dir)
    response = visit.redirect(reverse("admin:sign-in"), _sentence(outcome))
    cookies.drop_session(response, visit.http, "setup")
    return response


def _closed(visit: Visit) -> HttpResponse:
    return visit.page("setup/closed", status=404)


def _waiting(visit: Visit, order: Order) -> HttpResponse:
    waited = time.time() - order.asked_ts / 1000
    return visit.page(
        "setup/restoring", server=order.server_name, by_hand=not can_restart() or waited > PATIENCE_SECONDS
    )


def _sentence(outcome: Outcome) -> str:
    """What was done, and what is left to do for people."""
    told = [
        _t("%s is restored. Sign in with the name and the password that you had there.")
        % outcome.server_name,
        _t("Devices that are asked for new keys: %(devices)d; other servers that are told: %(servers)d.")
        % {"devices": outcome.devices, "servers": outcome.servers},
    ]
    if outcome.lost_media:
        told.append(_t("Files of media that were not in the backup: %d.") % outcome.lost_media)
    if outcome.is_unproven:
        told.append(_t("It was opened with another key than its own, so nothing shows who made the backup."))
    told.append(
        _t("What this machine had before is kept beside, and marked so that no server starts with it.")
    )
    told.append(
        _t("Keep the old machine off: the check “No second copy of this server” looks whether it runs.")
    )
    return " ".join(told)
