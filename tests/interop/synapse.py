"""A Synapse of a test's own: one process with a folder, a SQLite database and a loopback port to itself."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.real_server import free_port

READY_SECONDS = 90.0
STOP_SECONDS = 20.0

UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}
# Anybody may register and nothing is limited.
LENIENT: dict[str, Any] = {
    "enable_registration": True,
    "enable_registration_without_verification": True,
    "bcrypt_rounds": 4,
    "rc_message": UNLIMITED,
    "rc_registration": UNLIMITED,
    "rc_login": {"address": UNLIMITED, "account": UNLIMITED, "failed_attempts": UNLIMITED},
    "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
    "rc_joins_per_room": UNLIMITED,
    "rc_key_requests": UNLIMITED,
    "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
    "rc_room_creation": UNLIMITED,
    "rc_presence": {"per_user": UNLIMITED},
    "rc_federation": {"window_size": 1000, "sleep_limit": 100_000, "sleep_delay": 1,
                      "reject_limit": 1_000_000, "concurrent": 1000},
    "ip_range_blacklist": [],
    "trusted_key_servers": [],
    "suppress_key_server_warning": True,
    "experimental_features": {"msc3814_enabled": True},
    "report_stats": False,
    "allow_public_rooms_over_federation": True,
    "room_list_publication_rules": [{"action": "allow"}],
    "allow_public_rooms_without_auth": True,
    "user_directory": {"search_all_users": True},
}  # fmt: skip


class SynapseServer:
    """Runs Synapse under a server name, trusting the authority in `ca_file`. A context manager."""

    def __init__(self, folder: Path, python: str, server_name: str, ca_file: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        self._command = [python, "-m", "synapse.app.homeserver", "-c", str(folder / "homeserver.yaml")]
        self._process: subprocess.Popen[bytes] | None = None
        self._write(folder, server_name, ca_file)

    def _write(self, folder: Path, server_name: str, ca_file: Path) -> None:
        logging = {
            "version": 1,
            "formatters": {"plain": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
            "root": {"level": "INFO", "handlers": ["console"]},
            "disable_existing_loggers": False,
        }
        (folder / "log.yaml").write_text(json.dumps(logging))
        resources = [{"names": ["client", "federation", "media"]}]
        listener = {
            "port": self.port,
            "type": "http",
            "bind_addresses": ["127.0.0.1"],
            "resources": resources,
        }
        config = LENIENT | {
            "server_name": server_name,
            "public_baseurl": self.base,
            "listeners": [listener | {"resources": resources}],
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "log_config": str(folder / "log.yaml"),
            "pid_file": str(folder / "pid"),
            "media_store_path": str(folder / "media"),
            "signing_key": f"ed25519 a_test {_seed()}",
            "macaroon_secret_key": secrets.token_hex(16),
            "form_secret": secrets.token_hex(16),
            "federation_custom_ca_list": [str(ca_file)],
        }
        # YAML takes JSON.
        (folder / "homeserver.yaml").write_text(json.dumps(config))

    def __enter__(self) -> SynapseServer:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"Synapse ended:\n{self.log_end()}"
            assert time.monotonic() < deadline, f"Synapse does not answer:\n{self.log_end()}"
            time.sleep(0.05)
        return self

    def __exit__(self, *_exc: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/_matrix/client/versions", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log_end(self, characters: int = 4000) -> str:
        """What the server printed last."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]


def _seed() -> str:
    from signedjson.key import encode_signing_key_base64, generate_signing_key

    return str(encode_signing_key_base64(generate_signing_key("a_test")))
