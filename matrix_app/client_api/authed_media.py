"""Downloads for users (data/api/client-server/authed-content-repo.yaml)."""

from __future__ import annotations

from functools import partial

from django.http.response import HttpResponseBase

from matrix_app.client_api.media import media_config, mxc_of
from matrix_app.http.endpoint import endpoint
from matrix_app.http.later_answer import answered
from matrix_app.http.media_answer import size_asked, thumbnail_to_client, to_client, wish_of, with_thumbnail
from matrix_app.http.request import Request
from matrix_app.http.response import to_http
from matrix_app.services.awaited import once_there
from matrix_app.services.find_media import find_media
from matrix_app.services.preview_url import preview_url

_V1 = "/_matrix/client/v1/media"
# The proposal's name, which some clients still use.
_UNSTABLE = "/_matrix/client/unstable/org.matrix.msc3916/media"
_DOWNLOAD = "download/{server_name}/{media_id}"
_THUMBNAIL = "thumbnail/{server_name}/{media_id}"


@endpoint("GET", f"{_V1}/config", f"{_UNSTABLE}/config", guests=True)
def get_media_config(request: Request) -> dict[str, int]:
    """Limits of uploads (GET /media/config)."""
    return media_config()


@endpoint("GET", f"{_V1}/{_DOWNLOAD}", f"{_UNSTABLE}/{_DOWNLOAD}", rate="download", guests=True, slow=True)
@endpoint(
    "GET",
    f"{_V1}/{_DOWNLOAD}/{{file_name}}",
    f"{_UNSTABLE}/{_DOWNLOAD}/{{file_name}}",
    rate="download",
    guests=True,
    slow=True,
)
def get_authed_download(request: Request) -> HttpResponseBase:
    """Download a file (GET /media/download/{serverName}/{mediaId})."""
    found = find_media(mxc_of(request), wish_of(request))
    name = request.path.get("file_name")
    return answered(request, once_there(found, lambda file: to_client(request, file, name)))


@endpoint("GET", f"{_V1}/{_THUMBNAIL}", f"{_UNSTABLE}/{_THUMBNAIL}", rate="download", guests=True, slow=True)
def get_authed_thumbnail(request: Request) -> HttpResponseBase:
    """Download a small version of a picture (GET /media/thumbnail/{serverName}/{mediaId})."""
    size = size_asked(request)
    found = find_media(mxc_of(request), wish_of(request))
    return answered(
        request,
        once_there(found, lambda file: with_thumbnail(file, size, partial(thumbnail_to_client, request))),
    )


@endpoint(
    "GET",
    f"{_V1}/preview_url",
    f"{_UNSTABLE}/preview_url",
    "/_matrix/media/v3/preview_url",
    "/_matrix/media/r0/preview_url",
    rate="preview",
)
def get_preview_url(request: Request) -> HttpResponseBase:
    """What a page of the web says of itself (GET /media/preview_url)."""
    ts = request.query_int("ts", 0) if request.query("ts") is not None else None
    found = preview_url(request.required_query("url"), ts)
    return answered(request, once_there(found, to_http))
