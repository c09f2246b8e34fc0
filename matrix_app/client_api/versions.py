"""Supported versions (data/api/client-server/versions.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request

VERSIONS = [
    f"r0.{minor}.{patch}" for minor, patch in ((0, 1), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (6, 1))
]
VERSIONS += [f"v1.{minor}" for minor in range(1, 20)]

# Features that clients look for under the names they had before they came into the specification, or
# that are not in it yet; only what is served.
UNSTABLE_FEATURES: dict[str, bool] = {
    "org.matrix.e2e_cross_signing": True,
    "org.matrix.msc3814": True,  # dehydrated devices
    "org.matrix.msc4306": True,  # subscriptions to threads
    "org.matrix.simplified_msc3575": True,  # sliding sync, as of MSC4186
    "org.matrix.msc4143": True,  # where conferences meet
    # Some clients do not look at versions for these: rooms of the directory by their type, rooms shared with
    # somebody, fields of profiles.
    "org.matrix.msc3827.stable": True,
    "uk.half-shot.msc2666.query_mutual_rooms": True,
    "uk.tcpip.msc4133": True,
    "uk.tcpip.msc4133.stable": True,
    "uk.timedout.msc4323": True,  # suspending and locking
}


@endpoint("GET", "/_matrix/client/versions", auth=Auth.NONE)
def versions(request: Request) -> dict[str, Any]:
    """The versions of the specification that the server supports (GET /versions)."""
    return {"versions": VERSIONS, "unstable_features": UNSTABLE_FEATURES}
