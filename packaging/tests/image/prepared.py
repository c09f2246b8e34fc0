"""What `prepare-compose` writes for the containers beside Hearth's."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from image.engine import CONFINED, podman

RUN_COTURN: Final = Path(__file__).resolve().parents[2] / "container" / "run-coturn"
NAMES: Final = {
    "HEARTH_SERVER__NAME": "example.org",
    "HEARTH_SERVER__PUBLIC_BASEURL": "https://matrix.example.org",
    "HEARTH_TURN__SECRET_FILE": "turn_secret",
    "HEARTH_TURN__CERTIFICATE_FILE": "/turn-tls/fullchain.pem",
    "HEARTH_TURN__KEY_FILE": "/turn-tls/privkey.pem",
}
FOLDERS: Final = ("data", "prepared/proxy", "prepared/turn", "prepared/database")


def check_prepared(image: str) -> None:
    """A secret is made once; everything else is written anew each time, and understood by those it is for."""
    with ExitStack() as stack:
        volumes = {}
        for folder in FOLDERS:
            volumes[folder] = podman("volume", "create")
            stack.callback(podman, "volume", "rm", "--force", volumes[folder])
        told = prepare(image, volumes, {}, code=1)
        assert "set server.public_baseurl" in told, told
        places = {
            folder: Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", name))
            for folder, name in volumes.items()
        }
        password = places["prepared/database"] / "password"
        made = []
        for _ in range(2):
            assert prepare(image, volumes, NAMES) == ""
            made.append((password.read_text(), (places["data"] / "secrets" / "turn_secret").read_text()))
        assert made[0] == made[1], "a second start made other secrets"
        check_files(places, *made[0])


def prepare(image: str, volumes: dict[str, str], environ: dict[str, str], code: int = 0) -> str:
    """What it said."""
    options = [f"--env={key}={value}" for key, value in environ.items()]
    options += [f"--volume={name}:/{folder}" for folder, name in volumes.items()]
    options += ["--network=none", "--entrypoint=prepare-compose"]
    return podman("run", "--rm", *CONFINED, *options, image, code=code, errors=True)


def check_files(places: dict[str, Path], password: str, secret: str) -> None:
    """Secrets are where they belong and nowhere else; Caddy understands its file."""
    url = places["data"] / "database_url"
    assert url.read_text() == f"postgresql://hearth:{password.strip()}@database/hearth\n"
    assert url.stat().st_mode & 0o077 == 0
    turn = (places["prepared/turn"] / "turnserver.conf").read_text()
    assert f"static-auth-secret={secret.strip()}\n" in turn
    assert "cert=/turn-tls/fullchain.pem\npkey=/turn-tls/privkey.pem\n" in turn
    assert (places["prepared/turn"] / "run-coturn").read_bytes() == RUN_COTURN.read_bytes()
    caddyfile = places["prepared/proxy"] / "Caddyfile"
    assert "reverse_proxy unix//socket/hearth.sock" in caddyfile.read_text()
    assert password.strip() not in caddyfile.read_text() + turn
    if shutil.which("caddy") is None:
        print("Caddy is not installed: its file is not tried")
        return
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(caddyfile)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
