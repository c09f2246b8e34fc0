"""What an administrator does with a room, or with several that were chosen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from admin_ui.page import page
from admin_ui.sections.rooms.detail import found_room
from admin_ui.visit import Visit
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import administer_room, purge_history
from matrix_app.storage.room_list import ListedRoom

# Does something with a room: where to go, and the message there.
Deed = Callable[[Visit, ListedRoom], tuple[str, str]]


def _action(deed: Deed, *, confirmed: bool) -> Callable[..., HttpResponseBase]:
    @page("admin", confirmed=confirmed)
    def answer(visit: Visit, nid: int) -> HttpResponse:
        room = found_room(nid)
        if not visit.is_post:
            return visit.redirect(_page_of(room))
        return visit.redirect(*deed(visit, room))

    return answer


def _page_of(room: ListedRoom) -> str:
    return reverse("admin:room", args=[room.nid])


def _task(nid: int) -> str:
    return reverse("admin:task", args=[nid])


def _block(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    blocked = room.blocked_ts is None
    administer_room.set_blocked(visit.actor, room.room_id, blocked)
    return _page_of(room), _t("The room is blocked.") if blocked else _t("The room can be used again.")


def _publish(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    administer_room.set_published(visit.actor, room.room_id, not room.is_published)
    if room.is_published:
        return _page_of(room), _t("The room is no longer in the directory.")
    return _page_of(room), _t("The room is in the directory now.")


def _make_admin(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    user_id = visit.form.get("user_id", "").strip() or visit.session.user_id
    giver = administer_room.make_admin(visit.actor, room.room_id, user_id)
    return _page_of(room), _t("%(giver)s gave %(user)s the power.") % {"giver": giver, "user": user_id}


def _delete(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    visit.require_typed(room.room_id)
    block = visit.form.get("block") == "on"
    return _task(administer_room.delete_room(visit.actor, room.room_id, block=block)), ""


def _purge(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    try:
        day = datetime.strptime(visit.form.get("before", ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidParam(_t("Say up to which day messages are removed")) from None
    local_too = visit.form.get("local_too") == "on"
    ts = int(day.timestamp() * 1000)
    return _task(purge_history.purge_before_time(visit.actor, room.room_id, ts, local_too=local_too)), ""


def _add_user(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    user_id = visit.form.get("user_id", "").strip().replace("\0", "")
    administer_room.add_user(visit.actor, visit.requester, room.room_id, user_id)
    return _page_of(room), _t("%s is in the room now.") % user_id


def _join_ends(visit: Visit, room: ListedRoom) -> tuple[str, str]:
    fewer = administer_room.join_extremities(visit.actor, room.room_id)
    message = ngettext("There is %d end fewer.", "There are %d ends fewer.", fewer) % fewer
    return reverse("admin:room-ends", args=[room.nid]), message


ACTIONS: dict[str, Callable[..., HttpResponseBase]] = {
    "block": _action(_block, confirmed=False),
    "publish": _action(_publish, confirmed=False),
    "make-admin": _action(_make_admin, confirmed=True),
    "delete": _action(_delete, confirmed=True),
    "purge": _action(_purge, confirmed=True),
    "add-user": _action(_add_user, confirmed=True),
    "ends/join": _action(_join_ends, confirmed=True),
}
