#!/usr/bin/env python3
"""Makes a fresh Hearth to measure with hsbench: configuration, keys, an empty database.

    python tests/bench/target.py DIR --db sqlite|postgres --port 18000

DIR is wiped. Ports from --port on: clients, federation (TLS), the same two of a second server (for the
federation scenario), PostgreSQL. Writes DIR/target.toml, for `python -m hsbench --targets DIR/target.toml`.
What is left running until `python tests/bench/target.py DIR --stop`: a PostgreSQL cluster in DIR/pg, and
the small proxies that do TLS for federation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.toml_text import Tables, toml_text  # noqa: E402

PARTS = ("main", "peer")


def configuration(folder: Path, port: int, database: str) -> Tables:
    """What Synapse's target has too: no rate limits, few log lines, federation without an authority."""
    return {
        "server": {
            "name": f"127.0.0.1:{port + 1}",
            "public_baseurl": f"http://127.0.0.1:{port}",
            "listen": [f"127.0.0.1:{port}"],
            "data_dir": folder / "var",
        },
        "database": {"url": database},
        "registration": {"mode": "open"},
        "rate_limits": {"enabled": False},
        "federation": {
            "allow_private_addresses": True,
            "verify_certificates": False,
            "trusted_key_servers": [],
        },
        "presence": {"enabled": True},
        "logging": {"level": "warning"},
    }


def make_server(folder: Path, port: int, database: str) -> None:
    """The server's folder, and its proxy, which starts to run."""
    folder.mkdir(parents=True)
    (folder / "hearth.toml").write_text(toml_text(configuration(folder, port, database)), encoding="utf-8")
    pem = folder / "tls.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "365", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", pem, "-out", folder / "tls.crt"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with pem.open("a", encoding="utf-8") as both:
        both.write((folder / "tls.crt").read_text())
    proxy = [
        sys.executable,
        Path(__file__).with_name("tls_proxy.py"),
        port + 1,
        port,
        pem,
        folder / "proxy.pid",
    ]
    subprocess.Popen(
        list(map(str, proxy)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=(folder / "proxy.log").open("wb"), start_new_session=True,
    )  # fmt: skip
    wait_for(folder / "proxy.pid")


def wait_for(file: Path) -> None:
    """Returns when the file is there."""
    deadline = time.monotonic() + 10
    while not file.exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"{file} did not appear")
        time.sleep(0.02)


def postgres_program(name: str) -> str:
    """A program of PostgreSQL, in PATH or where Debian puts the newest."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(places[-1]) if places else shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is missing: install PostgreSQL")
    return found


def as_postgres(program: str, *arguments: object, check: bool = True) -> None:
    """PostgreSQL refuses to run as root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    command = [*prefix, postgres_program(program), *map(str, arguments)]
    subprocess.run(command, check=check, stdout=subprocess.DEVNULL, cwd="/")


def make_cluster(folder: Path, port: int) -> None:
    """A PostgreSQL cluster with its default settings, which starts to run."""
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    as_postgres("initdb", "-D", folder, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    as_postgres("pg_ctl", "-D", folder, "-o", options, "-l", folder / "log", "-w", "start")
    for name in PARTS:
        as_postgres("createdb", "-h", "127.0.0.1", "-p", port, "-U", "postgres", name)


def stop(root: Path) -> None:
    """Ends what an earlier call left running."""
    if (root / "pg/postmaster.pid").exists():
        as_postgres("pg_ctl", "-D", root / "pg", "-m", "fast", "-w", "stop", check=False)
    for file in root.glob("*/proxy.pid"):
        pid = int(file.read_text())
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and b"tls_proxy.py" in command.read_bytes():
            os.kill(pid, signal.SIGTERM)
        file.unlink()


def entry(title: str, folder: Path, port: int, database: str, python: str) -> str:
    """One server's table of target.toml."""
    run = f"env PYTHONPATH={PROJECT} HEARTH_CONFIG={folder}/hearth.toml"
    cheap = "HEARTH_PASSWORD_POLICY__ARGON2_MEMORY_KIB=8 HEARTH_PASSWORD_POLICY__ARGON2_ROUNDS=1"
    pidfiles = [folder / "proxy.pid"]
    if database.startswith("postgresql"):
        pidfiles.append(folder.parent / "pg/postmaster.pid")
    values = {
        "url": f"http://127.0.0.1:{port}",
        "cmd": f"{run} {python} -m appliance.cli run",
        "seed_cmd": f"{run} {cheap} {python} -m appliance.cli run",
        "db": database.removeprefix("sqlite:///"),
        "pidfiles": pidfiles,
    }
    return toml_text({title: values})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", type=Path)
    parser.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--port", type=int, default=18000)
    parser.add_argument("--python", default=sys.executable, help="the Python of Hearth (default: this one)")
    parser.add_argument("--name", help="the target's name (default hearth-DB)")
    parser.add_argument("--stop", action="store_true", help="only end what DIR has running")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    root: Path = args.dir.resolve()
    stop(root)
    if args.stop:
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    if args.db == "postgres":
        make_cluster(root / "pg", args.port + 4)
    title, tables = args.name or f"hearth-{args.db}", []
    for part, port in zip(PARTS, (args.port, args.port + 2), strict=True):
        database = f"sqlite:///{root}/{part}/hearth.sqlite3"
        if args.db == "postgres":
            database = f"postgresql://postgres@127.0.0.1:{args.port + 4}/{part}"
        make_server(root / part, port, database)
        name = title if part == "main" else f"{title}.peer"
        tables.append(entry(name, root / part, port, database, args.python))
    (root / "target.toml").write_text("\n".join(tables), encoding="utf-8")
    print(root / "target.toml")


if __name__ == "__main__":
    main()
