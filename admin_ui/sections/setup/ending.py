"""The last steps: what to keep, and what comes next."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui import cookies
from admin_ui.client_links import CLIENTS, ClientLink
from admin_ui.qr import qr_picture
from admin_ui.sections.backups.views import kit_file
from admin_ui.sections.settings.views import form_of
from admin_ui.sections.setup.options import are_changed, settings_of
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from appliance.backup import kit
from appliance.config import get_config
from appliance.config.stored import fixed_keys
from matrix_app.services import setup
from matrix_app.services.public_address import public_baseurl
from matrix_app.storage import check_results
from matrix_app.storage.check_results import CheckRow

BACKUP = ("backup.every_hours", "backup.keep_daily", "backup.media", "backup.encrypt")


class ClientCode(NamedTuple):
    """A client, and the picture that leads a phone to it."""

    link: ClientLink
    picture: str


@step("backup")
def backup(visit: Visit) -> HttpResponse:
    """How often backups are made, where they are, and what they hold; then the first invitation is made."""
    settings = settings_of(BACKUP)
    form = form_of(settings, visit.form if visit.is_post else None)
    if are_changed(visit, settings, form):
        if get_config().registration.mode != "closed":
            setup.first_invitation(visit.actor)
        return go_on(visit, "backup")
    config = get_config()
    is_beside = config.backup.dir.is_relative_to(config.server.data_dir)
    locked = [key for key in BACKUP if key in fixed_keys()]
    return show(visit, "backup", form=form, config=config, is_beside=is_beside, locked=locked)


@step("finish")
def finish(visit: Visit) -> HttpResponse:
    """The account, clients, the first invitation, and what federation looks like; then the setup closes."""
    made = setup.owner_of(visit.setup)
    if made is None:
        return visit.redirect(reverse("setup:owner"))
    if visit.is_post:
        setup.finish(visit.actor)
        response = visit.redirect(reverse("admin:home"), _t("Your server is set up."))
        cookies.drop_session(response, visit.http, "setup")
        return response
    token = visit.setup.data.get("invitation")
    invitation = public_baseurl() + reverse("account:join", args=[token]) if token else ""
    return show(
        visit, "finish", owner=made, clients=[ClientCode(each, qr_picture(each.address)) for each in CLIENTS],
        invitation=invitation, invitation_picture=qr_picture(invitation) if invitation else "",
        has_kit=get_config().backup.encrypt and kit.handed_out_ts() is None,
        uses=setup.INVITATION_USES, federation=_federation(), server=get_config().server.name,
    )  # fmt: skip


@step("finish")
def fetch_kit(visit: Visit) -> HttpResponse:
    """The emergency kit as a file, once."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:finish"))
    return kit_file(kit.fetch_once(visit.actor))


def _federation() -> list[CheckRow]:
    """What the checks of federation found last."""
    rows = check_results.all_rows().values()
    return [row for row in rows if row.id.partition(".")[0] == "federation"]
