"""Who makes a request: access tokens ("Using access tokens" of the client-server API)."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.http.endpoint import Auth, Endpoint
from matrix_app.http.request import Request
from matrix_app.http.requester import Requester
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import (
    Forbidden,
    GuestForbidden,
    MissingToken,
    Unavailable,
    UnknownToken,
    UserLocked,
)
from matrix_app.services import lost_time
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.last_seen import saw
from matrix_app.services.refresh_tokens import access_token_used
from matrix_app.storage import accounts, sessions

_BEARER = "bearer "


def authenticate(endpoint: Endpoint, request: Request) -> None:
    """Set the requester of a request as its endpoint asks; raises `Unauthorized` or `Forbidden`."""
    if endpoint.auth is Auth.NONE:
        return
    if endpoint.auth is Auth.FEDERATION:
        authenticate_server: Callable[[Request], None] = import_string(settings.SERVER_AUTHENTICATION)
        authenticate_server(request)
        return
    token = token_of(request)
    if token is None:
        if endpoint.auth is Auth.OPTIONAL:
            return
        raise MissingToken("Missing access token")
    requester = requester_of(token, request)
    if requester.is_locked and not endpoint.locked:
        raise UserLocked("This account has been locked")
    if requester.is_guest and not endpoint.guests and endpoint.auth is not Auth.OPTIONAL:
        raise GuestForbidden("Guests cannot do this")
    if endpoint.auth is Auth.ADMIN and not requester.is_admin:
        raise Forbidden("You are not a server administrator")
    request.authenticated_as(requester)


def token_of(request: Request) -> str | None:
    """The access token of a request: in the header, or in the query as older clients send it."""
    header: str | None = request.http.META.get("HTTP_AUTHORIZATION")
    if header is not None:
        if header[:7].lower() != _BEARER:
            raise MissingToken("The Authorization header must be a bearer token")
        return header[7:].strip()
    token: str | None = request.http.GET.get("access_token")
    return token


def service_of(request: Request) -> Appservice:
    """The application service that registers or signs in a user; raises `MissingToken`, `UnknownToken`.

    "If /register or /login is called with the m.login.application_service login type, but without a valid
    as_token, the endpoints will return an error with the M_MISSING_TOKEN or M_UNKNOWN_TOKEN error code".
    """
    from matrix_app.services.appservices import find_by_token

    token = token_of(request)
    if token is None:
        raise MissingToken("Missing the token of an application service")
    service = find_by_token(token)
    if service is None:
        raise UnknownToken("Not the token of an application service")
    return service


def requester_of(token: str, request: Request) -> Requester:
    """The owner of a token; raises `UnknownToken`. Application services may act for others.

    Raises `Unavailable` where there are no accounts yet: a client then tries again.
    """
    owner = sessions.find_token(hash_token(token))
    if owner is None or owner.deactivated_ts is not None:
        from matrix_app.services.appservices import find_requester

        # Bridges from before version 1.17 use the proposal's name of the parameter.
        device_id = request.query("device_id") or request.query("org.matrix.msc3202.device_id")
        acting = find_requester(token, request.query("user_id"), device_id)
        if acting is not None:
            return acting
        if accounts.any_user_id() is None:
            # Nobody is signed out, which would lose them their keys, by a machine that is to be restored.
            raise Unavailable("This server has not been set up")
        # Who held a token that a restore has made unknown keeps the device, and signs in or refreshes.
        raise UnknownToken(soft_logout=owner is None and lost_time.device_of(token) is not None)
    if owner.expires_ts is not None and owner.expires_ts <= time.time() * 1000:
        raise UnknownToken("The access token has expired", soft_logout=True)
    if owner.refresh_token_nid is not None and not owner.used:
        access_token_used(owner.token_nid, owner.refresh_token_nid)
    own_rate = accounts.message_limit(owner.messages_per_second, owner.messages_burst)
    saw(owner.user_nid, owner.device_nid, request.ip, request.user_agent)
    return Requester(
        user_id=owner.user_id,
        user_nid=owner.user_nid,
        device_id=owner.device_id,
        device_nid=owner.device_nid,
        token_nid=owner.token_nid,
        is_guest=owner.is_guest,
        is_admin=owner.is_admin,
        is_locked=owner.locked_ts is not None,
        is_suspended=owner.suspended_ts is not None,
        has_no_rate_limits=own_rate is not None and own_rate.is_unlimited,
        own_rate=own_rate,
    )
