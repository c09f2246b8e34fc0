"""Opening the sockets to listen on."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from appliance.web.listeners import CannotListen, listeners_for, open_listeners
from tests.real_server import free_port


def close_all(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def test_several_addresses_of_both_families_are_opened_side_by_side() -> None:
    port = free_port()
    listeners = open_listeners([f"0.0.0.0:{port}", f"[::]:{port}"])
    assert [listener.family for listener in listeners] == [socket.AF_INET, socket.AF_INET6]
    close_all(listeners)


def test_an_address_that_is_taken_is_named_and_the_others_are_closed() -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen, match=f"{address}: another program"):
            open_listeners([f"127.0.0.1:{free}", address])
    close_all(open_listeners([f"127.0.0.1:{free}"]))


def test_an_address_that_this_machine_does_not_have_is_named() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:80: this machine does not have"):
        open_listeners(["192.0.2.1:80"])


@pytest.mark.parametrize("host", ["[::]", "[::1]"])
def test_on_a_machine_without_ipv6_what_every_other_machine_has_is_left_out(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    real = socket.socket

    def without_ipv6(family: int = socket.AF_INET, *more: Any, **named: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *more, **named)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    listeners = open_listeners(["127.0.0.1:0", f"{host}:8008"])
    assert [listener.family for listener in listeners] == [socket.AF_INET]
    close_all(listeners)
    with pytest.raises(CannotListen):
        open_listeners(["[fd00::7]:8008"])


def test_the_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "h.sock"
    close_all(open_listeners([f"unix:{path}"]))
    assert path.exists()
    close_all(open_listeners([f"unix:{path}"]))


def test_the_socket_of_a_server_that_runs_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "h.sock"
    listeners = open_listeners([f"unix:{path}"])
    with pytest.raises(CannotListen, match="another program"):
        open_listeners([f"unix:{path}"])
    close_all(listeners)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("important")
    with pytest.raises(CannotListen):
        open_listeners([f"unix:{path}"])
    assert path.read_text() == "important"


def test_sockets_handed_to_another_process_are_not_taken() -> None:
    environ = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "x"}
    (listener,) = listeners_for(["127.0.0.1:0"], environ)
    assert listener.getsockname()[0] == "127.0.0.1"
    assert environ == {}
    listener.close()


def test_a_file_that_is_handed_over_as_a_socket_is_named() -> None:
    def hand_over_a_file() -> int:
        with Path(os.devnull).open() as file:
            os.dup2(file.fileno(), 3)
        try:
            listeners_for([], {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
        except CannotListen as fault:
            return int("no socket as 3" not in str(fault))
        return 2

    pid = os.fork()
    if not pid:
        os._exit(hand_over_a_file())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_sockets_that_were_kept_are_used_where_they_fit_and_closed_where_not(tmp_path: Path) -> None:
    here, gone, new = free_port(), free_port(), free_port()
    before = open_listeners([f"127.0.0.1:{here}", f"127.0.0.1:{gone}", f"unix:{tmp_path}/s"])
    with socket.create_connection(("127.0.0.1", here)):  # waits in the queue of the one that is kept
        wanted = [f"127.0.0.1:{new}", f"127.0.0.1:{here}", f"unix:{tmp_path}/s"]
        after = open_listeners(wanted, kept=before)
        assert after[1:] == [before[0], before[2]]
        assert before[1].fileno() == -1
        after[1].accept()[0].close()
    close_all(after)
