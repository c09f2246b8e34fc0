"""Faults that a key's type cannot show: addresses, names, and settings that contradict each other."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.config.addresses import parse_database_url, parse_listen, parse_ports
from appliance.config.backup_checks import check_backups
from appliance.config.errors import Problem
from appliance.config.sections.diagnostics import AUTHORITATIVE
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.schema import Config

_SERVER_NAME = re.compile(r"^(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(:[0-9]{1,5})?$")


def check(config: Config) -> Iterator[Problem]:
    """Every fault in a configuration whose types are right."""
    yield from _names(config)
    yield from _listening(config)
    yield from _proxy(config)
    yield from _networks(config)
    yield from _old_keys(config)
    yield from _database(config)
    yield from _mail(config)
    yield from _registration(config)
    yield from _calls(config)
    yield from _media(config)
    yield from _push(config)
    yield from _alerts(config)
    yield from _diagnostics(config)
    yield from _updates(config)
    yield from check_backups(config)


def _names(config: Config) -> Iterator[Problem]:
    if not _SERVER_NAME.match(config.server.name):
        yield Problem(
            "server.name",
            said("{name} is not a server name, such as example.org", name=repr(config.server.name)),
        )
    base = config.server.public_baseurl
    if base and (urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc):
        yield Problem("server.public_baseurl", "must be an address such as https://matrix.example.org")
    if config.server.default_room_version not in _room_versions():
        yield Problem("server.default_room_version", "is not a version that Hearth knows")


def _room_versions() -> frozenset[str]:
    from matrix_app.protocol.room_versions import ROOM_VERSIONS

    return frozenset(ROOM_VERSIONS)


def _listening(config: Config) -> Iterator[Problem]:
    if not config.server.listen:
        yield Problem("server.listen", "names no address to listen on")
    for text in config.server.listen:
        try:
            parse_listen(text)
        except ValueError as fault:
            yield Problem("server.listen", str(fault))


def _proxy(config: Config) -> Iterator[Problem]:
    proxy = config.proxy
    if (proxy.certificate_file is None) != (proxy.key_file is None):
        yield Problem("proxy.key_file", "and certificate_file are given together or not at all")
    if (proxy.kind == "none") != (proxy.file is None):
        yield Problem("proxy.file", "and kind are given together or not at all")
    if proxy.private_ca and (proxy.kind != "caddy" or proxy.certificate_file):
        yield Problem("proxy.private_ca", "is for Caddy, and instead of a certificate of your own")


def _networks(config: Config) -> Iterator[Problem]:
    lists = {
        "server.trusted_proxies": config.server.trusted_proxies,
        "federation.allowed_networks": config.federation.allowed_networks,
        "federation.denied_networks": config.federation.denied_networks,
        "media.previews.allowed_networks": config.media.previews.allowed_networks,
        "media.previews.denied_networks": config.media.previews.denied_networks,
    }
    for key, networks in lists.items():
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                yield Problem(key, said("{text} is not an IP address or network", text=repr(network)))


def _old_keys(config: Config) -> Iterator[Problem]:
    from matrix_app.protocol.errors import InvalidParam
    from matrix_app.protocol.server_keys import parse_old_key

    for text in config.federation.old_signing_keys:
        try:
            parse_old_key(text)
        except InvalidParam as fault:
            yield Problem("federation.old_signing_keys", fault.message)


def _database(config: Config) -> Iterator[Problem]:
    try:
        address = parse_database_url(config.database.url, config.server.data_dir)
    except ValueError as fault:
        yield Problem("database.url", str(fault))
        return
    if address.engine == "sqlite" and config.web.processes > 1:
        yield Problem("web.processes", "more than one web process needs PostgreSQL, and this is SQLite")
    redis = config.redis.url
    if redis and urlsplit(redis).scheme not in ("redis", "rediss", "unix"):
        yield Problem("redis.url", "must begin with redis://, rediss:// or unix://")


def _mail(config: Config) -> Iterator[Problem]:
    mail = config.mail
    if mail.host and not mail.sender:
        yield Problem("mail.sender", "is needed to send mail through mail.host")
    if mail.password and mail.password_file:
        yield Problem("mail.password_file", "contradicts mail.password; give one of them")


def _registration(config: Config) -> Iterator[Problem]:
    registration = config.registration
    if registration.require_email and not config.mail.host:
        yield Problem("registration.require_email", "needs a mail server: set mail.host")
    if registration.terms.version and not registration.terms.url:
        yield Problem("registration.terms.url", "is needed when registration.terms.version is given")
    if config.captcha.required and not (config.captcha.public_key and config.captcha.private_key):
        yield Problem("captcha.required", "needs captcha.public_key and captcha.private_key")


def _push(config: Config) -> Iterator[Problem]:
    url = config.push.client_url
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        yield Problem("push.client_url", "must be an address such as https://app.element.io")


def _updates(config: Config) -> Iterator[Problem]:
    url = urlsplit(config.updates.url)
    if config.updates.url and (url.scheme != "https" or not url.hostname):
        yield Problem("updates.url", "must be an address that begins with https://")


def _calls(config: Config) -> Iterator[Problem]:
    turn = config.turn
    if any(char.isspace() for char in turn.secret):
        yield Problem("turn.secret", "has a blank in it")
    if turn.secret and turn.secret_file:
        yield Problem("turn.secret_file", "contradicts turn.secret; give one of them")
    if turn.password and turn.password_file:
        yield Problem("turn.password_file", "contradicts turn.password; give one of them")
    shared, fixed = bool(turn.secret or turn.secret_file), bool(turn.user)
    if shared and fixed:
        yield Problem("turn.user", "contradicts the shared secret; give one of them")
    if turn.uris and not (shared or fixed):
        yield Problem("turn.uris", "need credentials: a shared secret, or a user and password")
    if any(not uri.startswith(("turn:", "turns:", "stun:", "stuns:")) for uri in turn.uris):
        yield Problem("turn.uris", "must begin with turn: or turns:")
    yield from _relay(config)
    if any(urlsplit(url).scheme not in ("http", "https") for url in config.rtc.livekit_service_urls):
        yield Problem("rtc.livekit_service_urls", "must be addresses such as https://rtc.example.org/jwt")


def _diagnostics(config: Config) -> Iterator[Problem]:
    for server in config.diagnostics.resolvers:
        if server != AUTHORITATIVE and not _is_ip(server):
            yield Problem(
                "diagnostics.resolvers", f"{server!r} is neither an IP address nor {AUTHORITATIVE!r}"
            )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _relay(config: Config) -> Iterator[Problem]:
    turn = config.turn
    if (turn.certificate_file is None) != (turn.key_file is None):
        yield Problem("turn.key_file", "and certificate_file are given together or not at all")
    try:
        parse_ports(turn.relay_ports)
    except ValueError as fault:
        yield Problem("turn.relay_ports", str(fault))
    for address in turn.external_ip.split("/") if turn.external_ip else []:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield Problem("turn.external_ip", f"{address!r} is not an IP address")


def _media(config: Config) -> Iterator[Problem]:
    s3 = config.media.s3
    if config.media.store == "s3" and not s3.bucket:
        yield Problem("media.s3.bucket", "is needed when media.store is s3")
    if s3.endpoint and urlsplit(s3.endpoint).scheme not in ("http", "https"):
        yield Problem("media.s3.endpoint", "must be an address such as https://s3.example.org")
    if (s3.access_key_file is None) != (s3.secret_key_file is None):
        yield Problem("media.s3.secret_key_file", "and access_key_file are given together or not at all")


def _alerts(config: Config) -> Iterator[Problem]:
    named = {"alerts.webhook": config.alerts.webhook}
    named["diagnostics.push_gateway"] = config.diagnostics.push_gateway
    for key, url in named.items():
        if url and (urlsplit(url).scheme != "https" or not urlsplit(url).netloc):
            yield Problem(key, "must be an address that begins with https://")
    peer = config.diagnostics.federation_peer
    if peer and not _SERVER_NAME.match(peer):
        yield Problem("diagnostics.federation_peer", f"{peer!r} is not a server name")
