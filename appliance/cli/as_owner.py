"""Doing a part of a verb as the user that the data belong to, when root has started it."""

from __future__ import annotations

import os
import pwd
import sys
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import msgspec

from appliance.cli.faults import FAILED, Told, ToldBefore, told
from matrix_app.protocol.said import plain

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")
_UMASK: Final = 0o027


class _Answer(msgspec.Struct):
    """What came of it, as JSON; or a fault."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    fault: Told | None = None


def as_owner(uid: int, kind: type[R], work: Callable[[], R]) -> R:
    """What `work` returns, done in a process of the user `uid`; in this one unless root asks for another.

    Its faults are raised as `ToldBefore`.
    """
    if os.geteuid() != 0 or uid == 0:
        return work()
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(reader)
        _answer(uid, writer, work)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    os.waitpid(pid, 0)
    if not said:
        raise ToldBefore(Told(FAILED, "the process that was to do it ended early"))
    answer = msgspec.json.decode(said, type=_Answer)
    if answer.fault is not None:
        raise ToldBefore(answer.fault)
    return msgspec.json.decode(answer.result, type=kind)


def _answer(uid: int, writer: int, work: Callable[[], R]) -> NoReturn:
    try:
        _become(uid)
        answer = _Answer(msgspec.Raw(msgspec.json.encode(work(), enc_hook=plain)))
    except Exception as fault:
        found = told(fault, sys.argv[1:])
        if found is None:
            os.close(writer)
            raise
        answer = _Answer(fault=found)
    with os.fdopen(writer, "wb") as stream:
        stream.write(msgspec.json.encode(answer, enc_hook=plain))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _become(uid: int) -> None:
    account = pwd.getpwuid(uid)
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(uid)
    os.umask(_UMASK)
    os.environ["HOME"] = account.pw_dir
