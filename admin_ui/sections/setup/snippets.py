"""What an owner writes elsewhere: records of DNS, `.well-known` files, and the proxy's configuration."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appliance.config import Config
from appliance.config.addresses import public_address


class Snippet(NamedTuple):
    """A text to copy, and where it belongs."""

    title: Promise | str
    text: str


def all_of(config: Config) -> list[Snippet]:
    """Everything that a server of these names needs; the addresses are for the owner to fill in."""
    return [
        Snippet(_("Records of DNS"), dns_records(config)),
        Snippet(_("Proxy: Caddy"), caddy(config)),
        Snippet(_("Proxy: nginx"), nginx(config)),
        Snippet(_("/.well-known/matrix/server, at the name of the server"), well_known_server(config)),
        Snippet(_("/.well-known/matrix/client, at the name of the server"), well_known_client(config)),
    ]


def dns_records(config: Config) -> str:
    """The records for both names, without those that only this machine knows."""
    hosts = dict.fromkeys((_name(config), _host(config)))
    width = max(len(host) for host in hosts) + 1
    lines = []
    for host in hosts:
        lines += [
            f"{host + '.':<{width}}  A     <IPv4 address>",
            f"{host + '.':<{width}}  AAAA  <IPv6 address>",
        ]
    return "\n".join(lines)


def well_known_server(config: Config) -> str:
    """Where other servers find this one."""
    address = urlsplit(public_address(config))
    port = address.port or (443 if address.scheme == "https" else 80)
    return json.dumps({"m.server": f"{_host(config)}:{port}"})


def well_known_client(config: Config) -> str:
    """Where clients find this server; pages of other origins must be allowed to read it."""
    return json.dumps({"m.homeserver": {"base_url": public_address(config)}})


def caddy(config: Config) -> str:
    """A Caddyfile, which gets certificates by itself. Hearth answers for `.well-known` too."""
    name, host = _name(config), _host(config)
    paths = f"{host} {{\n    reverse_proxy {_upstream(config)}\n}}"
    if name == host:
        return paths
    return f"{paths}\n\n{name} {{\n    reverse_proxy /.well-known/matrix/* {_upstream(config)}\n}}"


def nginx(config: Config) -> str:
    """Two servers of nginx, to which certificates must be added."""
    name, host = _name(config), _host(config)
    size = config.media.max_upload_bytes // 1_048_576 + 1
    whole = _nginx_server(host, "/", _upstream(config), size)
    return (
        whole
        if name == host
        else f"{whole}\n\n{_nginx_server(name, '/.well-known/matrix/', _upstream(config), 1)}"
    )


def _nginx_server(name: str, path: str, upstream: str, megabytes: int) -> str:
    return f"""server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {name};
    client_max_body_size {megabytes}m;
    location {path} {{
        proxy_pass http://{upstream};
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_read_timeout 600s;
    }}
}}"""


def _name(config: Config) -> str:
    return urlsplit(f"//{config.server.name}").hostname or config.server.name


def _host(config: Config) -> str:
    return urlsplit(public_address(config)).hostname or "localhost"


def _upstream(config: Config) -> str:
    first = config.server.listen[0]
    return f"unix:{first.removeprefix('unix:')}" if first.startswith("unix:") else first
