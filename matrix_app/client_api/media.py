"""Uploads, and the old downloads that need no authentication (data/api/client-server/content-repo.yaml)."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http.response import HttpResponseBase

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.later_answer import answered
from matrix_app.http.media_answer import size_asked, thumbnail_to_client, to_client, wish_of, with_thumbnail
from matrix_app.http.request import Request
from matrix_app.protocol.ids import Mxc, parse_media_id, parse_server_name
from matrix_app.services.awaited import once_there
from matrix_app.services.find_media import find_media_without_login
from matrix_app.services.upload_media import Upload, reserve, upload, upload_reserved

# Clients from before version 1.1 ask under r0, and older ones yet under v1.
_VERSIONS = ("v3", "r0", "v1")


def _paths(rest: str) -> tuple[str, ...]:
    return tuple(f"/_matrix/media/{version}/{rest}" for version in _VERSIONS)


@endpoint("POST", *_paths("upload"), rate="upload", streams_body=True, slow=True)
def post_upload(request: Request) -> dict[str, str]:
    """Upload a file (POST /media/v3/upload)."""
    return {"content_uri": str(upload(request.requester, _given(request)))}


@endpoint("POST", "/_matrix/media/v1/create", rate="upload")
def post_create(request: Request) -> dict[str, Any]:
    """Make an ID to upload to later (POST /media/v1/create)."""
    made = reserve(request.requester)
    return {"content_uri": str(made.mxc), "unused_expires_at": made.expires_ts}


@endpoint("PUT", *_paths("upload/{server_name}/{media_id}"), rate="upload", streams_body=True, slow=True)
def put_upload(request: Request) -> dict[str, str]:
    """Upload to an ID that was made earlier (PUT /media/v3/upload/{serverName}/{mediaId})."""
    upload_reserved(request.requester, mxc_of(request), _given(request))
    return {}


@endpoint("GET", *_paths("config"), guests=True)
def get_config_without_freeze(request: Request) -> dict[str, int]:
    """Limits of uploads (GET /media/v3/config)."""
    return media_config()


@endpoint("GET", *_paths("download/{server_name}/{media_id}"), auth=Auth.NONE, rate="download", slow=True)
@endpoint(
    "GET",
    *_paths("download/{server_name}/{media_id}/{file_name}"),
    auth=Auth.NONE,
    rate="download",
    slow=True,
)
def get_download(request: Request) -> HttpResponseBase:
    """Download what was here before the freeze (GET /media/v3/download/{serverName}/{mediaId})."""
    found = find_media_without_login(mxc_of(request), wish_of(request))
    name = request.path.get("file_name")
    return answered(request, once_there(found, lambda file: to_client(request, file, name)))


@endpoint("GET", *_paths("thumbnail/{server_name}/{media_id}"), auth=Auth.NONE, rate="download", slow=True)
def get_thumbnail(request: Request) -> HttpResponseBase:
    """A small version of what was here before the freeze (GET /media/v3/thumbnail/{serverName}/{mediaId})."""
    size = size_asked(request)
    found = find_media_without_login(mxc_of(request), wish_of(request))
    return answered(
        request,
        once_there(found, lambda file: with_thumbnail(file, size, partial(thumbnail_to_client, request))),
    )


def media_config() -> dict[str, int]:
    """What clients should know before they upload."""
    return {"m.upload.size": get_config().media.max_upload_bytes}


def mxc_of(request: Request) -> Mxc:
    """The `mxc://` URI in a path; raises `InvalidParam`."""
    path = request.path
    return Mxc(parse_server_name(path["server_name"]), parse_media_id(path["media_id"]))


def _given(request: Request) -> Upload:
    meta = request.http.META
    size = int(meta["CONTENT_LENGTH"] or 0)
    return Upload(request.body_file, size, meta.get("CONTENT_TYPE"), request.query("filename"))
