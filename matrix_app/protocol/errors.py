"""The one tree of errors that Hearth answers with.

    MatrixError                     errcode, HTTP status, a sentence, extra keys
      + BadRequest 400              BadJson, NotJson, MissingParam, InvalidParam, TooLarge ...
      + Unauthorized 401            MissingToken, UnknownToken, InvalidSignature, UserInteractive
      + Forbidden 403
        - AuthorizationFailed       an event that its room's rules refuse
        - FederationDenied          a server that the configuration excludes
      + NotFound 404                Unrecognized is its own kind: the endpoint is unknown
      + Conflict 409
      + LimitExceeded 429
      + Unavailable 503             StoreUnavailable
      + BadGateway 502              RemoteUnreachable, StoreRefused
      + RemoteError                 what another server answered, where it makes sense here
      + OAuthError                  rendered as RFC 6749 has it

Raised where the fault is found; rendered in one place (`matrix_app.http`), as the
"Standard error response" of the client-server API says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class MatrixError(Exception):
    """An error a client or a server is told: `errcode`, `status`, a sentence and extra keys."""

    status = 500
    errcode = "M_UNKNOWN"

    def __init__(
        self, message: str = "", *, errcode: str | None = None, status: int | None = None, **extra: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        if errcode is not None:
            self.errcode = errcode
        if status is not None:
            self.status = status
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {"errcode": self.errcode, "error": self.message or self.errcode, **self.extra}

    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        return {}


class BadRequest(MatrixError):
    """400: the request cannot be carried out as it is."""

    status = 400


class BadJson(BadRequest):
    """The JSON is valid, but not what the endpoint takes."""

    errcode = "M_BAD_JSON"


class NotJson(BadRequest):
    """The body is not JSON."""

    errcode = "M_NOT_JSON"


class MissingParam(BadRequest):
    """A required parameter is absent."""

    errcode = "M_MISSING_PARAM"


class InvalidParam(BadRequest):
    """A parameter has a wrong value."""

    errcode = "M_INVALID_PARAM"


class UnknownPos(BadRequest):
    """A sliding sync goes on from a position that is not known any more: the client begins anew (MSC4186)."""

    errcode = "M_UNKNOWN_POS"


class NotInThread(BadRequest):
    """The event that is to subscribe the user to a thread is not in it (MSC4306)."""

    errcode = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD"


class InvalidUsername(BadRequest):
    """The user name breaks the grammar."""

    errcode = "M_INVALID_USERNAME"


class UserInUse(BadRequest):
    """The user name is taken."""

    errcode = "M_USER_IN_USE"


class RoomInUse(BadRequest):
    """The alias of a new room is taken."""

    errcode = "M_ROOM_IN_USE"


class UnsupportedRoomVersion(BadRequest):
    """The room version is not one that Hearth knows."""

    errcode = "M_UNSUPPORTED_ROOM_VERSION"


class InvalidRoomState(BadRequest):
    """The state that a new room would begin with is refused by the room's own rules."""

    errcode = "M_INVALID_ROOM_STATE"


class BadAlias(BadRequest):
    """A canonical or alternative alias does not point to the room."""

    errcode = "M_BAD_ALIAS"


class ServerNotTrusted(BadRequest):
    """The server that was named is not one that Hearth would speak with."""

    errcode = "M_SERVER_NOT_TRUSTED"


class UnableToAuthoriseJoin(BadRequest):
    """This server cannot tell whether the conditions of a restricted room are met."""

    errcode = "M_UNABLE_TO_AUTHORISE_JOIN"


class UnableToGrantJoin(BadRequest):
    """No user of this server may let others into the restricted room."""

    errcode = "M_UNABLE_TO_GRANT_JOIN"


class IncompatibleRoomVersion(BadRequest):
    """The other server does not know the room's version."""

    errcode = "M_INCOMPATIBLE_ROOM_VERSION"


class BadState(BadRequest):
    """The change makes no sense in the room's present state."""

    errcode = "M_BAD_STATE"


class DuplicateAnnotation(BadRequest):
    """The user has annotated the event with the same key already."""

    errcode = "M_DUPLICATE_ANNOTATION"


class InvalidKeySignature(BadRequest):
    """A key that a client uploads does not carry the signature that it must have."""

    errcode = "M_INVALID_SIGNATURE"


class WeakPassword(BadRequest):
    """The password does not meet the policy."""

    errcode = "M_WEAK_PASSWORD"


class ThreepidInUse(BadRequest):
    """The address belongs to another account."""

    errcode = "M_THREEPID_IN_USE"


class ThreepidNotFound(BadRequest):
    """No account has the address."""

    errcode = "M_THREEPID_NOT_FOUND"


class ProfileTooLarge(BadRequest):
    """The profile would be larger than allowed."""

    errcode = "M_PROFILE_TOO_LARGE"


class KeyTooLarge(BadRequest):
    """The name of a profile field is too long."""

    errcode = "M_KEY_TOO_LARGE"


class ThreepidMediumNotSupported(BadRequest):
    """Addresses of this kind cannot be added."""

    errcode = "M_THREEPID_MEDIUM_NOT_SUPPORTED"


class Exclusive(BadRequest):
    """The name is reserved by an application service, or is not the service's own."""

    errcode = "M_EXCLUSIVE"


class TooLarge(MatrixError):
    """413: the body or the event is too large."""

    status = 413
    errcode = "M_TOO_LARGE"


class Unauthorized(MatrixError):
    """401: who asks is not known well enough."""

    status = 401
    errcode = "M_UNAUTHORIZED"


class MissingToken(Unauthorized):
    """No access token was given."""

    errcode = "M_MISSING_TOKEN"


class UnknownToken(Unauthorized):
    """The access token is unknown or has ended; `soft_logout` tells which."""

    errcode = "M_UNKNOWN_TOKEN"

    def __init__(self, message: str = "Unknown access token", *, soft_logout: bool = False) -> None:
        super().__init__(message, soft_logout=soft_logout)


class InvalidSignature(Unauthorized):
    """A signature is missing or wrong."""


class KeysUnknown(InvalidSignature):
    """Whether a signature is right cannot be told yet: its key would have to be asked for."""


class UserLocked(Unauthorized):
    """The account is locked ("Account locking"): the client logs out softly and keeps its data."""

    errcode = "M_USER_LOCKED"

    def __init__(self, message: str) -> None:
        super().__init__(message, soft_logout=True)


class UserInteractive(Unauthorized):
    """401 with the stages of user-interactive authentication; `extra` holds the session's body."""

    def body(self) -> dict[str, Any]:
        """The session's body, with an error only when a stage has just failed."""
        if self.message:
            return {"errcode": self.errcode, "error": self.message, **self.extra}
        return dict(self.extra)


class Forbidden(MatrixError):
    """403: who asks may not do this."""

    status = 403
    errcode = "M_FORBIDDEN"


class AuthorizationFailed(Forbidden):
    """The authorisation rules of the room's version refuse the event."""


class FederationDenied(Forbidden):
    """The configuration does not let this server speak with the other one."""


class UserDeactivated(Forbidden):
    """The account has been deactivated."""

    errcode = "M_USER_DEACTIVATED"


class UserSuspended(Forbidden):
    """The account is suspended ("Account suspension"): it may read and leave, and little else."""

    errcode = "M_USER_SUSPENDED"


class WrongRoomKeysVersion(Forbidden):
    """Keys can be written only to the newest version of a key backup."""

    errcode = "M_WRONG_ROOM_KEYS_VERSION"

    def __init__(self, current_version: str) -> None:
        super().__init__("Wrong backup version.", current_version=current_version)


class InviteBlocked(Forbidden):
    """The user who is invited takes no invites ("Invite permission")."""

    errcode = "M_INVITE_BLOCKED"


class ThreepidAuthFailed(Forbidden):
    """The ownership of an address could not be verified."""

    errcode = "M_THREEPID_AUTH_FAILED"


class ThreepidDenied(Forbidden):
    """The address is not one that this server allows."""

    errcode = "M_THREEPID_DENIED"


class GuestForbidden(Forbidden):
    """The endpoint is not for guests."""

    errcode = "M_GUEST_ACCESS_FORBIDDEN"


class NotFound(MatrixError):
    """404: what is asked for is not there, or not visible."""

    status = 404
    errcode = "M_NOT_FOUND"


class Unrecognized(MatrixError):
    """404 or 405: no such endpoint, or not with this method but with those that are `allowed`."""

    status = 404
    errcode = "M_UNRECOGNIZED"

    def __init__(self, message: str, *, status: int | None = None, allowed: Iterable[str] = ()) -> None:
        super().__init__(message, status=status)
        self.allowed = tuple(allowed)

    def headers(self) -> dict[str, str]:
        """What an answer with 405 must have (RFC 9110, section 15.5.6)."""
        return {"Allow": ", ".join(self.allowed)} if self.allowed else {}


class Conflict(MatrixError):
    """409: the request contradicts what is there."""

    status = 409


class ConflictingUnsubscription(Conflict):
    """The user has unsubscribed from the thread after what would subscribe them by itself (MSC4306)."""

    errcode = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION"


class CannotOverwriteMedia(Conflict):
    """The media ID has content already."""

    errcode = "M_CANNOT_OVERWRITE_MEDIA"


class LimitExceeded(MatrixError):
    """429: too many requests; `retry_after_ms` says how long to wait."""

    status = 429
    errcode = "M_LIMIT_EXCEEDED"

    def __init__(self, retry_after_ms: int, message: str = "Too many requests") -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms

    def headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, rounded up."""
        return {"Retry-After": str(max(1, -(-self.retry_after_ms // 1000)))}


class Unavailable(MatrixError):
    """503: a bounded pool or queue is full; try again."""

    status = 503


class StoreUnavailable(Unavailable):
    """The store of media cannot be reached at the moment."""


class BadGateway(MatrixError):
    """502: another server could not be reached or answered nonsense."""

    status = 502


class StoreRefused(BadGateway):
    """The store of media does not let this server in."""


class RemoteUnreachable(BadGateway):
    """Another server gave no answer; `retry_at_ts` says until when it is left alone, if it was already.

    `may_have_arrived` says that the server may have done what it was asked; `is_left_alone` that it is noted
    as not answering, so that it is asked again once it shows life.
    """

    def __init__(
        self, message: str, *, retry_at_ts: int | None = None, may_have_arrived: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_at_ts = retry_at_ts
        self.is_left_alone = retry_at_ts is not None
        self.may_have_arrived = may_have_arrived


# What these would tell a client is about its own session here.
_NOT_PASSED_ON = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_LOCKED", "M_USER_DEACTIVATED"})


def errcode_to_tell(content: dict[str, Any]) -> str | None:
    """The errcode of another server's answer, if it has one that a client may be told."""
    errcode = content.get("errcode")
    return errcode if isinstance(errcode, str) and errcode not in _NOT_PASSED_ON else None


# What these say of an event is not what its client can mend.
_OF_EVENTS = frozenset({"M_MISSING_PARAM", "M_INVALID_PARAM"})


class RemoteError(MatrixError):
    """Another server answered with an error.

    `remote_status` and `content` are what it said; towards a client it is the same 4xx, but 502 where the
    client would take the status as said of its own request to this server. `is_left_alone` as in
    `RemoteUnreachable`.
    """

    is_left_alone = False

    def __init__(self, server_name: str, remote_status: int, content: dict[str, Any]) -> None:
        message = content.get("error")
        same = 400 <= remote_status < 500 and remote_status not in (401, 405, 407, 408, 429)
        text = message if isinstance(message, str) else f"{server_name} answered with {remote_status}"
        super().__init__(text, status=remote_status if same else 502)
        self.errcode = errcode_to_tell(content) or self.errcode
        self.server_name = server_name
        self.remote_status = remote_status
        self.content = content

    def of_event(self) -> MatrixError:
        """The error to tell when it is the answer to an event that this server made for its client.

        "If M_MISSING_PARAM or M_INVALID_PARAM is returned [...], the Client-Server API request SHOULD fail
        with a 5xx error rather than being passed through" (joins and invites of the server-server API).
        """
        if self.remote_status == 400 and self.content.get("errcode") in _OF_EVENTS:
            return BadGateway(f"{self.server_name} does not take the event: {self.message}")
        return self


class NotYetUploaded(MatrixError):
    """504: the content of a media ID has not been uploaded."""

    status = 504
    errcode = "M_NOT_YET_UPLOADED"


class OAuthError(MatrixError):
    """An error of the OAuth 2.0 API, which has the form of RFC 6749 section 5.2.

    `back` is where the browser may be sent with it, by who sits there: the client's redirect URI.
    """

    status = 400

    def __init__(self, message: str, *, error: str, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.error = error
        self.back = ""

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {"error": self.error, "error_description": self.message}

    def headers(self) -> dict[str, str]:
        """Such answers are never kept."""
        return {"Cache-Control": "no-store"}
