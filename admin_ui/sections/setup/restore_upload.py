"""A backup that comes as one file from the visitor's browser: in pieces by a script, or at once without."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.keyset import read_number
from admin_ui.sections.setup.restore import restoring_step
from admin_ui.visit import Visit
from appliance.backup import receiving, unpack_task
from appliance.backup.receiving import Received
from matrix_app.protocol.errors import InvalidParam


class _Body:
    """The body of a request as a source of bytes: it is read once."""

    def __init__(self, http: HttpRequest) -> None:
        self._http = http

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        return self._http.read(size)


@restoring_step
def begin(visit: Visit) -> HttpResponse:
    """Say which file comes; where to go on with it, and how large pieces may be."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore"))
    size, changed = _number(visit, "size"), _number(visit, "changed")
    return _told(visit, receiving.begin(visit.form.get("name", ""), size, changed))


def _number(visit: Visit, name: str) -> int:
    found = read_number(visit.form.get(name, ""))
    if found is None:
        raise InvalidParam(f"{name} must be a number")
    return found


@restoring_step
def piece(visit: Visit, mark: str, at: int) -> HttpResponse:
    """Take a piece, which is the body of the request."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:restore"))
    return _told(visit, receiving.add(mark, at, _Body(visit.http)))


def _told(visit: Visit, found: Received) -> HttpResponse:
    """For the script: where the file is now; at its end, where the page goes on."""
    values = {
        "at": found.at,
        "piece": reverse("setup:restore-upload-piece", args=[found.mark, found.at]),
        "piece_bytes": receiving.piece_bytes(),
    }
    if found.is_whole:
        nid = unpack_task.start_unpacking_received(visit.actor)
        values["go_to"] = reverse("setup:restore-task", args=[nid])
    return visit.json(values)


@restoring_step
def whole(visit: Visit) -> HttpResponse:
    """Take a small file at once, from a browser without scripts."""
    http: HttpRequest = visit.http
    file = http.FILES.get("file") if visit.is_post else None
    if file is None or not file.size:
        message = _t("Choose a file first.") if visit.is_post else ""
        return visit.redirect(reverse("setup:restore"), message, "error")
    found = receiving.begin(file.name or "", file.size, 0)
    if not found.is_whole:
        file.seek(found.at)
        receiving.add(found.mark, found.at, file)
    nid = unpack_task.start_unpacking_received(visit.actor)
    return visit.redirect(reverse("setup:restore-task", args=[nid]))


@restoring_step
def remove(visit: Visit) -> HttpResponse:
    """Remove what there is of a file."""
    if visit.is_post:
        receiving.remove()
    message = _t("What was there of the file has been removed.") if visit.is_post else ""
    return visit.redirect(reverse("setup:restore"), message)
