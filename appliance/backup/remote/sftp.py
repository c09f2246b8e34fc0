"""A machine that is reached by SSH as a place for backups."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from posixpath import dirname
from typing import Any, Final, Self, TypeVar

import asyncssh

from appliance.backup.age import Source
from appliance.backup.remote.host_key import ChangedHost, UnknownHost, parse_host_key, signatures_of
from appliance.backup.remote.ssh_key import private_key
from appliance.backup.remote.store import TICK_SECONDS, RemoteError, RemoteFile, Tick
from appliance.config.sections.backup import Sftp
from matrix_app.protocol.said import said

T = TypeVar("T")
_PIECE: Final = 1 << 18
_DEEPEST: Final = 8
_FOLDER: Final = 2
_PART: Final = ".part"


class SftpRemote:
    """Files below a folder of an account. Signing in waits until something is asked."""

    def __init__(self, title: str, config: Sftp, tick: Tick) -> None:
        self.title = title
        self._root = config.folder.rstrip("/") or "."
        self._config = config
        self._tick = tick
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._made: set[str] = set()

    def put(self, name: str, content: bytes) -> None:
        """Write a file under another name first, so that it is there in full or not at all."""
        self._run(self._put(f"{self._root}/{name}", content))

    async def _put(self, path: str, content: bytes) -> None:
        client = await self._signed_in()
        folder = dirname(path)
        if folder not in self._made:
            await client.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        async with client.open(path + _PART, "wb") as file:
            for start in range(0, len(content), _PIECE):
                async with asyncio.timeout(self._config.timeout_seconds):
                    await file.write(content[start : start + _PIECE])
            with suppress(asyncssh.SFTPOpUnsupported):
                await file.fsync()
        await self._rename(client, path + _PART, path)

    async def _rename(self, client: asyncssh.SFTPClient, old: str, new: str) -> None:
        try:
            await client.posix_rename(old, new)
        except asyncssh.SFTPOpUnsupported:
            with suppress(asyncssh.SFTPNoSuchFile):
                await client.remove(new)
            await client.rename(old, new)

    @contextmanager
    def get(self, name: str) -> Iterator[Source]:
        """A file, to be read once from its start; raises `FileNotFoundError`."""
        try:
            file = self._run(self._open(f"{self._root}/{name}"))
        except RemoteError as error:
            if isinstance(error.__cause__, asyncssh.SFTPNoSuchFile):
                raise FileNotFoundError(name) from error
            raise
        try:
            yield _Read(self, file)
        finally:
            with suppress(RemoteError):  # the connection may be what went wrong
                self._run(file.close())

    async def _open(self, path: str) -> asyncssh.SFTPClientFile:
        client = await self._signed_in()
        return await client.open(path, "rb")

    def folders(self, name: str) -> list[str]:
        """The folders right below one."""
        path = f"{self._root}/{name}" if name else self._root
        return [entry for entry, is_folder, _ in self._run(self._entries(path)) if is_folder]

    def files(self, name: str) -> Iterator[RemoteFile]:
        """Every file below a folder."""
        yield from self._files(name, _DEEPEST)

    def _files(self, name: str, deep: int) -> Iterator[RemoteFile]:
        for entry, is_folder, size in self._run(self._entries(f"{self._root}/{name}")):
            if not is_folder:
                yield RemoteFile(f"{name}/{entry}", size)
            elif deep:
                yield from self._files(f"{name}/{entry}", deep - 1)

    async def _entries(self, path: str) -> list[tuple[str, bool, int]]:
        client = await self._signed_in()
        try:
            found = await client.readdir(path)
        except asyncssh.SFTPNoSuchFile:
            return []
        return [
            (str(entry.filename), entry.attrs.type == _FOLDER, entry.attrs.size or 0)
            for entry in found
            if entry.filename not in (".", "..")
        ]

    def remove(self, name: str) -> None:
        """Remove a file, if it is there, and folders that are empty then."""
        self._run(self._remove(f"{self._root}/{name}"))
        self._made.clear()

    async def _remove(self, path: str) -> None:
        client = await self._signed_in()
        with suppress(asyncssh.SFTPNoSuchFile):
            await client.remove(path)
        with suppress(asyncssh.SFTPError):  # others are in it
            while (path := dirname(path)) not in (self._root, ""):
                await client.rmdir(path)

    async def _signed_in(self) -> asyncssh.SFTPClient:
        if self._client is None:
            self._connection = await self._connect()
            self._client = await self._connection.start_sftp_client()
        return self._client

    async def _connect(self) -> asyncssh.SSHClientConnection:
        config = self._config
        if not config.host_key:
            raise UnknownHost(
                said(
                    "Nobody has confirmed the key of {host} yet: see the page Backups,"
                    " or run hearth remote-backup trust",
                    host=config.host,
                )
            )
        key = parse_host_key(config.host_key)
        return await asyncssh.connect(
            config.host,
            config.port,
            username=config.user,
            known_hosts=([key], [], []),
            server_host_key_algs=signatures_of(key),
            client_keys=[private_key()],
            password=_password(config) or None,
            preferred_auth="publickey,password",
            connect_timeout=config.timeout_seconds,
            login_timeout=config.timeout_seconds,
            keepalive_interval=config.timeout_seconds,
            agent_path=None,
            config=None,
        )

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what waits for the network while `tick` is called, outside of the event loop."""
        task = self._runner.get_loop().create_task(work)
        try:
            while not self._runner.run(_has_ended(task)):
                self._tick()
            return task.result()
        except asyncssh.HostKeyNotVerifiable as error:
            raise ChangedHost(
                said(
                    "{host} has another key than the one that was confirmed. Perhaps it was set up anew;"
                    " perhaps somebody is in between. Nothing was sent",
                    host=self._config.host,
                )
            ) from error
        except asyncssh.PermissionDenied as error:
            raise RemoteError(
                said("{title} refuses Hearth's key and password: {error}", title=self.title, error=error)
            ) from error
        except (asyncssh.Error, OSError) as error:
            raise RemoteError(
                said("{title}: {error}", title=self.title, error=error or said("no answer in time"))
            ) from error
        finally:
            if not task.done():
                task.cancel()
                self._runner.run(_has_ended(task))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = self._client = None
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class _Read:
    """A file as it arrives."""

    def __init__(self, remote: SftpRemote, file: asyncssh.SFTPClientFile) -> None:
        self._remote = remote
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        return self._remote._run(self._piece(size))

    async def _piece(self, size: int) -> bytes:
        async with asyncio.timeout(self._remote._config.timeout_seconds):
            found = await self._file.read(_PIECE if size < 0 else min(size, 4 * _PIECE))
        return found if isinstance(found, bytes) else found.encode()


async def _has_ended(task: asyncio.Task[Any]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=TICK_SECONDS)
    return bool(done)


def _password(config: Sftp) -> str:
    if config.password_file is not None:
        return config.password_file.read_text(encoding="utf-8").strip()
    return config.password
