"""Settings of calls: TURN servers, and where conferences meet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from appliance.config.fields import Section, doc, path, positive


class Turn(Section, frozen=True):
    """TURN servers, through which calls go when two devices cannot reach one another directly.

    Credentials are made from the secret that the TURN server shares, or are a fixed user and password.
    """

    uris: Annotated[
        tuple[str, ...],
        doc(
            "Addresses such as turn:turn.example.org:3478?transport=udp; empty when there is no TURN server."
        ),
    ] = ()
    secret: Annotated[str, doc("The secret shared with the TURN server; better kept in `secret_file`.")] = ""
    secret_file: Annotated[
        Path | None,
        path(
            "A file that holds the shared secret in its first line; relative to `secrets_dir`. "
            "`hearth render-turn` makes it when it is missing.",
            "secrets",
        ),
    ] = None
    user: Annotated[str, doc("A fixed user at the TURN server, where there is no shared secret.")] = ""
    password: Annotated[str, doc("The password of `user`; better kept in `password_file`.")] = ""
    password_file: Annotated[
        Path | None, path("A file that holds the password of `user`; relative to `secrets_dir`.", "secrets")
    ] = None
    ttl_seconds: Annotated[int, positive("How long credentials can be used.")] = 86_400
    guests: Annotated[bool, doc("Whether guests get credentials too.")] = True
    certificate_file: Annotated[
        Path | None,
        path(
            "The certificate, with its chain, that coturn shows for turns:. While it is missing, has expired "
            "or is for another host, clients are not told of addresses that begin with turns:. Not set for "
            "a TURN server that somebody else looks after.",
            "config",
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        path("The private key of `certificate_file`, which only coturn has to be able to read.", "config"),
    ] = None
    relay_ports: Annotated[
        str,
        doc("The UDP ports for relayed calls in the configuration that is written for coturn, as low-high."),
    ] = "49152-49251"
    external_ip: Annotated[
        str,
        doc(
            "The public address of coturn when it is behind NAT, for the configuration that is written for "
            "it; public/private where it has several."
        ),
    ] = ""
    server_file: Annotated[
        Path | None,
        path(
            "Where `hearth reconfigure` writes the configuration of coturn; not set where there is none to "
            "look after.",
            "config",
        ),
    ] = None


class Rtc(Section, frozen=True):
    """Calls of many people (MatrixRTC), which meet at a LiveKit server."""

    livekit_service_urls: Annotated[
        tuple[str, ...],
        doc("Addresses of the services that let users into LiveKit servers, the preferred one first."),
    ] = ()
