"""Previews of links, as the API and pages ask for them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from appliance.config import get_config
from matrix_app.protocol.errors import Unrecognized
from matrix_app.services.awaited import Awaited
from matrix_app.services.keep_previews import Preview, kept_preview


class UrlPreviews(Protocol):
    """What the layer above does to make previews."""

    def start(self, address: str) -> Future[Preview]:
        """Have a preview made and kept; fails with `MatrixError`."""
        ...


def preview_url(address: str, ts: int | None) -> Preview | Awaited[Preview]:
    """What a page says of itself: properties of OpenGraph, whose picture is media of this server.

    `ts` is the time, in ms since the epoch, of which a preview is preferred. Raises `Unrecognized` when
    previews are switched off.
    """
    if not get_config().media.url_previews:
        raise Unrecognized("This server does not make previews of links")
    kept = kept_preview(address, ts)
    if kept is not None:
        return kept
    previews: UrlPreviews = import_string(settings.URL_PREVIEWS)
    making = previews.start(address)
    return Awaited(making, making.result)
