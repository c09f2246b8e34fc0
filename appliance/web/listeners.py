"""The sockets that the server listens on, opened before anything else so that no caller is refused."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config.addresses import Listen, parse_listen

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

BACKLOG = 1024
# The first descriptor that systemd hands over: see sd_listen_fds(3).
_FIRST_INHERITED = 3
_WITHOUT_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
# Addresses that every machine with IPv6 has.
_EVERYBODYS = ("::1", "::")


class CannotListen(Exception):
    """An address of `server.listen` cannot be used; the message says which, and why."""


def listeners_for(
    addresses: Iterable[str],
    environ: MutableMapping[str, str] = os.environ,
    kept: Iterable[socket.socket] = (),
) -> list[socket.socket]:
    """The sockets that systemd has opened for this process, or else sockets for all addresses.

    Takes what systemd said out of the environment; raises `CannotListen`.
    """
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or pid != str(os.getpid()):
        return open_listeners(addresses, kept)
    return [_inherited(_FIRST_INHERITED + number) for number in range(int(count))]


def _inherited(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as fault:
        raise CannotListen(f"the service manager handed over no socket as {descriptor}") from fault
    if not listens or listener.type != socket.SOCK_STREAM:
        listener.close()
        raise CannotListen(f"the socket that the service manager handed over as {descriptor} does not listen")
    return listener


def open_listeners(addresses: Iterable[str], kept: Iterable[socket.socket] = ()) -> list[socket.socket]:
    """Listening sockets for all addresses; raises `CannotListen`.

    Those of `kept`, which listen already, are used where they fit, and closed where they do not.
    [::1] and [::] are left out on a machine without IPv6, so that one default fits all machines.
    """
    opened: list[socket.socket] = []
    left = list(kept)
    for text in addresses:
        listen = parse_listen(text)
        try:
            opened.append(_taken(listen, left) or _open(listen))
        except OSError as fault:
            if listen.host in _EVERYBODYS and fault.errno in _WITHOUT_IPV6:
                continue
            for listener in opened:
                listener.close()
            raise CannotListen(f"cannot listen on {text}: {_reason(fault)}") from fault
    for listener in left:
        listener.close()
    return opened


def _taken(listen: Listen, left: list[socket.socket]) -> socket.socket | None:
    """The socket of `left` that listens where it should, taken out of it."""
    if listen.path:
        wanted: object = listen.path
    else:
        wanted = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0][4][:2]
    for listener in left:
        name = listener.getsockname()
        if (name if isinstance(name, str) else name[:2]) == wanted:
            left.remove(listener)
            return listener
    return None


def _reason(fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return "another program listens there already"
    if fault.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    return fault.strerror or str(fault)


def _open(listen: Listen) -> socket.socket:
    if listen.path:
        return _open_unix(Path(listen.path))
    family, *_, address = socket.getaddrinfo(
        listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # [::] and 0.0.0.0 can then be listed side by side, each meaning what it says.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _open_unix(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        if _answers(path):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o666)  # who may come near is decided by the folder's mode
    listener.listen(BACKLOG)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0
