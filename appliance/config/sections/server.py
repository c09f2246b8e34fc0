"""Settings of the machine's side: addresses, folders, database, processes, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from appliance.config.fields import Section, doc, natural, path, positive


class Server(Section, frozen=True):
    """Who this server is, and where it listens."""

    name: Annotated[
        str,
        doc(
            "The domain in the user IDs of this server, as in @alice:example.org. "
            "It cannot be changed once the server has rooms."
        ),
    ] = "localhost"
    public_baseurl: Annotated[
        str,
        doc(
            "The address under which clients reach this server; when empty, the first of `listen`, over http."
        ),
    ] = ""
    listen: Annotated[
        tuple[str, ...],
        doc(
            "The addresses that the server listens on: host:port, with IPv6 in brackets, or unix:/path. "
            "Several may be given; one that this machine lacks is an error, except for [::1] and [::]."
        ),
    ] = ("127.0.0.1:8008", "[::1]:8008")
    data_dir: Annotated[
        Path,
        path(
            "The folder for the database, media, keys and everything else that must be kept. "
            "A relative path starts at the folder of this file.",
            "config",
        ),
    ] = Path("var")
    secrets_dir: Annotated[
        Path,
        path(
            "The folder for keys and other secrets, made at the first start; relative to `data_dir`.", "data"
        ),
    ] = Path("secrets")
    run_dir: Annotated[
        Path,
        path(
            "The folder for sockets and process ids, which need not be kept; relative to `data_dir`.", "data"
        ),
    ] = Path("run")
    default_room_version: Annotated[
        str, doc("The version of rooms made by clients that do not name one.")
    ] = "12"
    trusted_proxies: Annotated[
        tuple[str, ...],
        doc(
            "Addresses and networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. "
            "A connection through a Unix socket is always believed."
        ),
    ] = ("127.0.0.1", "::1")
    admin_contact: Annotated[
        str, doc("The owner's mail address or Matrix ID, shown to users and to other servers' owners.")
    ] = ""
    support_page: Annotated[str, doc("The address of a page where users of this server find help.")] = ""


class Database(Section, frozen=True):
    """Where everything but media is stored."""

    url: Annotated[
        str,
        doc(
            "sqlite:///file (relative to `data_dir`; four slashes for an absolute path), "
            "or postgresql://user:password@host:port/name (host=/folder in the query for a Unix socket)."
        ),
    ] = "sqlite:///hearth.sqlite3"
    synchronous: Annotated[
        Literal["full", "normal"],
        doc("SQLite only: full keeps every acknowledged change in a power cut; normal may lose the last."),
    ] = "full"
    cache_kib: Annotated[int, positive("SQLite only: the page cache of each connection, in KiB.")] = 1024
    busy_timeout_seconds: Annotated[
        int, positive("How long a statement waits for a lock before it is given up.")
    ] = 20
    statement_timeout_seconds: Annotated[
        int, natural("PostgreSQL only: how long a statement may run; 0 for no limit.")
    ] = 60
    connect_timeout_seconds: Annotated[
        int, positive("PostgreSQL only: how long to wait for a connection.")
    ] = 10


class Redis(Section, frozen=True):
    """Redis carries queues and wake-ups when Hearth runs on several hosts; one host needs none."""

    url: Annotated[str, doc("redis://host:port/number, rediss:// or unix://; empty for no Redis.")] = ""


class Web(Section, frozen=True):
    """The processes that answer requests."""

    processes: Annotated[int, positive("How many web processes; more than one needs PostgreSQL.")] = 1
    threads: Annotated[int, positive("Threads per process for requests that read or write the database.")] = 4
    waiting_threads: Annotated[
        int, positive("Requests per process that may wait for other servers; those beyond get 503.")
    ] = 24
    queue: Annotated[
        int, positive("Requests per process that may wait for a thread; those beyond are answered with 503.")
    ] = 256
    connections: Annotated[int, positive("Connections per process.")] = 4096
    max_body_bytes: Annotated[
        int, positive("The largest request body, except for media, which has a limit of its own.")
    ] = 10_000_000
    body_timeout_seconds: Annotated[
        int,
        positive(
            "How long a client may send nothing of a request, or read nothing of an answer's next part."
        ),
    ] = 60
    heavy_syncs: Annotated[
        int,
        positive(
            "Syncs from the beginning per process that are computed at the same time, when some take long."
        ),
    ] = 2
    graceful_timeout_seconds: Annotated[
        int, positive("How long a process that is told to stop may take to finish its requests.")
    ] = 10


class Worker(Section, frozen=True):
    """The processes for work that nobody waits for: federation, push, mail, clean-up."""

    processes: Annotated[int, positive("How many processes run tasks.")] = 1
    poll_seconds: Annotated[
        float, positive("How often the queue is looked at when no wake-up arrives; a safety net.")
    ] = 10.0
    task_timeout_seconds: Annotated[int, positive("How long a task may run before it is ended.")] = 600
    tasks_before_recycle: Annotated[
        int, positive("After this many tasks a process is replaced by a fresh one, which returns its memory.")
    ] = 5000


class Logging(Section, frozen=True):
    """What is written to the standard error, one event a line."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], doc("The least important kind of line that is written.")
    ] = "info"
    format: Annotated[Literal["console", "json"], doc("console for people, json for programs.")] = "console"
    levels: Annotated[
        dict[str, Literal["debug", "info", "warning", "error"]],
        doc('Levels of single loggers, such as {"matrix_app.federation" = "debug"}.'),
    ] = {}
