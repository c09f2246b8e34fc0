"""Settings that keep one user, or one server, from taking everything."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from appliance.config.fields import Section, doc, positive


class RateLimit(Section, frozen=True):
    """A bucket that holds `burst` requests and refills at `per_second`."""

    per_second: Annotated[
        float, Meta(description="How many requests a second are allowed for long.", gt=0)
    ] = 10.0
    burst: Annotated[int, positive("How many may come at once.")] = 50


def rate(per_second: float, burst: int) -> RateLimit:
    """The default of a class."""
    limit: RateLimit = field(default_factory=lambda: RateLimit(per_second=per_second, burst=burst))
    return limit


class RateLimits(Section, frozen=True):
    """How often the endpoints of a class may be used, by user, or by address where nobody is signed in."""

    enabled: Annotated[bool, doc("Whether rate limits are kept at all.")] = True
    exempt_users: Annotated[
        tuple[str, ...], doc("User IDs that have no rate limits, such as those of bots.")
    ] = ()
    message: Annotated[RateLimit, doc("Sending events and redactions, by user.")] = rate(10.0, 50)
    state: Annotated[RateLimit, doc("Changing room state, by user.")] = rate(5.0, 50)
    join: Annotated[RateLimit, doc("Joining and knocking on rooms, by user.")] = rate(1.0, 20)
    invite: Annotated[RateLimit, doc("Inviting, by user.")] = rate(1.0, 30)
    create_room: Annotated[RateLimit, doc("Making and upgrading rooms, by user.")] = rate(0.2, 10)
    login: Annotated[RateLimit, doc("Signing in and checking passwords, by address and by account.")] = rate(
        0.2, 10
    )
    registration: Annotated[RateLimit, doc("Making accounts and asking for names, by address.")] = rate(
        0.2, 10
    )
    email: Annotated[RateLimit, doc("Asking for mails, by address and by mail address.")] = rate(0.05, 5)
    sync: Annotated[RateLimit, doc("Asking what is new, by device.")] = rate(20.0, 200)
    read: Annotated[RateLimit, doc("Reading rooms, profiles and settings, by user.")] = rate(50.0, 500)
    write: Annotated[RateLimit, doc("Receipts, typing, account data and other small changes, by user.")] = (
        rate(20.0, 200)
    )
    search: Annotated[RateLimit, doc("Searches of messages, users and rooms, by user.")] = rate(2.0, 20)
    keys: Annotated[RateLimit, doc("Encryption keys and messages to devices, by user.")] = rate(50.0, 500)
    upload: Annotated[RateLimit, doc("Uploads of media, by user.")] = rate(2.0, 50)
    preview: Annotated[RateLimit, doc("Previews of links, by user.")] = rate(5.0, 50)
    download: Annotated[RateLimit, doc("Downloads of media, by user or address.")] = rate(50.0, 500)
    report: Annotated[RateLimit, doc("Reports of content and people, by user.")] = rate(0.1, 10)
    federation: Annotated[RateLimit, doc("Requests of other servers, by server.")] = rate(50.0, 500)


class Limits(Section, frozen=True):
    """Bounds of what one user or room may have."""

    devices_per_user: Annotated[int, positive("Devices that one user may be signed in with.")] = 500
    account_data_bytes: Annotated[int, positive("The size of one entry of account data.")] = 1_000_000
    profile_bytes: Annotated[int, positive("The size of one user's profile.")] = 65_535
    one_time_keys_per_device: Annotated[int, positive("One-time keys that a device may leave.")] = 500
    waiting_messages_per_device: Annotated[
        int, positive("Messages that wait for a device to fetch them; the oldest beyond are dropped.")
    ] = 50_000
    messages_per_page: Annotated[int, positive("The most events in one page of history.")] = 1000
    sync_timeout_seconds: Annotated[int, positive("The longest that a sync waits for news.")] = 300
    search_results: Annotated[int, positive("The most results of one search.")] = 100
