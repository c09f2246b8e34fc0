"""Media of this server's users for other servers (data/api/server-server/content_repository.yaml)."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.later_answer import answered
from matrix_app.http.media_answer import size_asked, thumbnail_to_server, to_server, wish_of, with_thumbnail
from matrix_app.http.request import Request
from matrix_app.protocol.ids import Mxc, ServerName, parse_media_id
from matrix_app.services.awaited import once_there
from matrix_app.services.find_media import find_media
from matrix_app.storage.local_server import local_server_name

# The names of the proposal, which servers from before version 1.11 ask for.
_UNSTABLE = "/_matrix/federation/unstable/org.matrix.msc3916.v2/media"
_V1 = "/_matrix/federation/v1/media"


@endpoint(
    "GET",
    f"{_V1}/download/{{media_id}}",
    f"{_UNSTABLE}/download/{{media_id}}",
    auth=Auth.FEDERATION,
    rate="federation",
    slow=True,
)
def get_server_download(request: Request) -> HttpResponseBase:
    """A file that was uploaded here (GET /media/download/{mediaId})."""
    found = find_media(_mxc(request), wish_of(request))
    return answered(request, once_there(found, to_server))


@endpoint(
    "GET",
    f"{_V1}/thumbnail/{{media_id}}",
    f"{_UNSTABLE}/thumbnail/{{media_id}}",
    auth=Auth.FEDERATION,
    rate="federation",
    slow=True,
)
def get_server_thumbnail(request: Request) -> HttpResponseBase:
    """A small version of a picture that was uploaded here (GET /media/thumbnail/{mediaId})."""
    size = size_asked(request)
    found = find_media(_mxc(request), wish_of(request))
    return answered(request, once_there(found, lambda file: with_thumbnail(file, size, thumbnail_to_server)))


def _mxc(request: Request) -> Mxc:
    return Mxc(ServerName(local_server_name()), parse_media_id(request.path["media_id"]))
