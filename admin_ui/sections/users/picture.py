"""Pictures of users, small, as far as they are here: looking fetches nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.security import add_headers
from admin_ui.visit import Visit
from matrix_app.http.file_answer import ranged
from matrix_app.http.later_answer import Answered, LaterAnswer
from matrix_app.media.content_types import bare_type
from matrix_app.media.thumbnail_sizes import choose_size
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import Mxc, parse_mxc
from matrix_app.services.awaited import Awaited, once_there
from matrix_app.services.find_media import FoundMedia, Wish, find_media
from matrix_app.services.thumbnail_media import LostThumbnail, Thumbnail, thumbnail
from matrix_app.storage import media, profiles
from matrix_app.storage.account_list import ListedAccount

# Twice as large as it is shown, for screens with many pixels.
_SIZE: Final = choose_size(72, 72, "crop", animated=False)
_TYPES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_HEADERS: Final = {
    "Content-Disposition": "inline",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    # The address changes with the picture.
    "Cache-Control": "private, max-age=3600",
}


def pictures_of(accounts: Iterable[ListedAccount]) -> dict[int, Mxc]:
    """Which of some users have a picture that is here and may be shown."""
    wanted = {row.user_nid: mxc for row in accounts if (mxc := _mxc_of(row.avatar_url)) is not None}
    here = media.here({mxc.media_id for mxc in wanted.values()}) if wanted else set()
    return {nid: mxc for nid, mxc in wanted.items() if mxc in here}


def _mxc_of(avatar_url: object) -> Mxc | None:
    try:
        return parse_mxc(avatar_url) if isinstance(avatar_url, str) else None
    except InvalidParam:
        return None


@page("admin")
def picture(visit: Visit, nid: int) -> HttpResponseBase:
    """The picture of a user."""
    mxc = _mxc_of(profiles.get_fields(nid).get("avatar_url"))
    found = None if mxc is None else find_media(mxc, Wish(wait_ms=0, allow_remote=False))
    if found is None or isinstance(found, Awaited):
        raise NotFound(_t("There is no picture here."))
    return _answer(visit, _drawn(visit.http, found))


def _drawn(http: HttpRequest, found: FoundMedia) -> Answered:
    shown = partial(_shown, http)
    try:
        return once_there(thumbnail(found, _SIZE, ask_elsewhere=False), shown)
    except LostThumbnail:
        return once_there(thumbnail(found, _SIZE, ask_elsewhere=False), shown)


def _answer(visit: Visit, answer: Answered) -> HttpResponseBase:
    """The answer, or one that is still to come while the picture is drawn: it holds no thread."""
    if not isinstance(answer, Awaited):
        return answer
    asker = visit.session.user_id
    return LaterAnswer(visit.http, answer.waits_for, lambda: _answer(visit, answer.again()), asker=asker)


def _shown(http: HttpRequest, made: Thumbnail) -> HttpResponseBase:
    if bare_type(made.content_type) not in _TYPES:
        raise NotFound(_t("There is no picture here."))
    headers = {**_HEADERS, "Content-Type": made.content_type, "ETag": f'"{made.tag}"'}
    answer = ranged(made, headers, http.META)
    add_headers(answer, http)
    return answer
