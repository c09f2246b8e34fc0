"""Metrics for Prometheus, where the configuration has them on."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from django.http import HttpResponse

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, Unrecognized


@endpoint("GET", "/_hearth/metrics", auth=Auth.NONE, rate=None, slow=True)
def metrics(request: Request) -> HttpResponse:
    """All metrics as text; to programs on this machine, or to those that know the token."""
    from appliance.metrics.exposition import exposition

    if not get_config().metrics.enabled:
        raise Unrecognized("Metrics are switched off")
    if not _may_read(request):
        raise Forbidden("The token of the metrics is needed")
    return HttpResponse(exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read(request: Request) -> bool:
    meta = request.http.META
    token = get_config().metrics.token
    if token:
        given: str = meta.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    forwarded = "HTTP_X_FORWARDED_FOR" in meta or "HTTP_FORWARDED" in meta
    peer = meta.get("REMOTE_ADDR")
    return not forwarded and bool(peer) and ip_address(str(peer)).is_loopback
