"""Settings of what the homeserver does: federation, media, presence, rooms, bridges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from appliance.config.fields import Section, doc, natural, path, positive


class Federation(Section, frozen=True):
    """How this server speaks with other servers."""

    enabled: Annotated[bool, doc("Whether it speaks with other servers at all.")] = True
    allow_servers: Annotated[
        tuple[str, ...], doc("When not empty, only these servers are spoken with; * and ? are wildcards.")
    ] = ()
    deny_servers: Annotated[
        tuple[str, ...], doc("Servers that are never spoken with; * and ? are wildcards.")
    ] = ()
    allow_private_addresses: Annotated[
        bool, doc("Whether servers on private and loopback addresses are connected to.")
    ] = False
    allowed_networks: Annotated[
        tuple[str, ...], doc("Networks that are connected to although they are private, such as 10.1.0.0/16.")
    ] = ()
    denied_networks: Annotated[tuple[str, ...], doc("Networks that are never connected to.")] = ()
    verify_certificates: Annotated[
        bool, doc("Whether the certificates of other servers are verified; false only for tests.")
    ] = True
    ca_file: Annotated[
        Path | None,
        path("Certificates of authorities to trust instead of the system's; for private networks.", "config"),
    ] = None
    trusted_key_servers: Annotated[
        tuple[str, ...],
        doc(
            "Servers that are asked for the keys of servers that cannot be reached, "
            "or of many servers at once."
        ),
    ] = ("matrix.org",)
    tell_device_names: Annotated[
        bool, doc("Whether other servers are told the names that users gave their devices.")
    ] = False
    connect_timeout_seconds: Annotated[int, positive("How long to wait for a connection.")] = 10
    request_timeout_seconds: Annotated[int, positive("How long to wait for an answer.")] = 60
    connections_per_server: Annotated[int, positive("Connections to one server at a time.")] = 4
    connections: Annotated[int, positive("Connections to all servers together, per process.")] = 64
    longest_backoff_seconds: Annotated[
        int, positive("The longest that a server which does not answer is left alone.")
    ] = 3600
    signing_key_file: Annotated[
        Path,
        path(
            "The key that signs for this server, in the format of Synapse; relative to `secrets_dir`.",
            "secrets",
        ),
    ] = Path("signing.key")
    old_signing_keys: Annotated[
        tuple[str, ...],
        doc("Keys that signed earlier: algorithm:id, base64 key and expiry in ms, with spaces between."),
    ] = ()


class Outgoing(Section, frozen=True):
    """Requests to anything but other servers: push gateways, bridges, identity servers, previewed pages."""

    allow_private_addresses: Annotated[
        bool, doc("Whether services that users name may be on private and loopback addresses.")
    ] = False
    verify_certificates: Annotated[
        bool, doc("Whether the certificates of those services are verified; false only for tests.")
    ] = True


class Presence(Section, frozen=True):
    """Who is online."""

    enabled: Annotated[bool, doc("Whether users see who is online; costs work in big rooms.")] = False


class Rooms(Section, frozen=True):
    """Rooms and the room directory."""

    publication: Annotated[bool, doc("Whether users may publish rooms in the room directory.")] = True
    public_directory_without_login: Annotated[
        bool, doc("Whether the room directory can be read without signing in.")
    ] = False
    public_directory_over_federation: Annotated[
        bool, doc("Whether other servers may read the room directory.")
    ] = False
    encrypt_by_default: Annotated[bool, doc("Whether new private rooms are encrypted.")] = False
    self_destructing_messages: Annotated[
        bool, doc("Whether a message is removed at the time that its sender wrote in it.")
    ] = False
    user_directory_shows_everyone: Annotated[
        bool, doc("Whether a search finds all users of this server, not just those one shares a room with.")
    ] = False


class Retention(Section, frozen=True):
    """How long Hearth keeps its own records, which no user sees."""

    deleted_content_days: Annotated[
        int, natural("How long the content of a redacted event is kept for moderators.")
    ] = 7
    transactions_hours: Annotated[int, positive("How long a client's transaction IDs are remembered.")] = 24
    connection_history_days: Annotated[
        int,
        natural(
            "How long the addresses, browsers and apps that users connected with are kept; 0 keeps none. "
            "The audit log has a time of its own."
        ),
    ] = 28
    audit_days: Annotated[int, positive("How long the audit log and the results of long tasks are kept.")] = (
        365
    )
    account_export_days: Annotated[
        int, positive("How long an archive of what an account has here can be fetched.")
    ] = 7
    task_results: Annotated[
        int, natural("How many results of background tasks are kept; failures are kept in any case.")
    ] = 0


class AppServices(Section, frozen=True):
    """Bridges and bots that run as application services."""

    registration_files: Annotated[
        tuple[Path, ...],
        path("Their registration files (YAML); relative to the folder of this file.", "config"),
    ] = ()
