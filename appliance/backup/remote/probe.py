"""Whether backups can be copied elsewhere: a small file is written, read and removed there."""

from __future__ import annotations

import secrets
import time

from appliance.backup.remote.place import backups_in, own_folder
from appliance.backup.remote.state import note_copies
from appliance.backup.remote.store import RemoteError, open_store
from appliance.config import get_config
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.change_settings import change_settings

LONGEST_SECONDS = 60.0


def probe() -> int:
    """How many backups of this server are there; raises `RemoteError` when one could not be copied there."""
    until = time.monotonic() + LONGEST_SECONDS

    def tick() -> None:
        if time.monotonic() > until:
            raise RemoteError("It did not answer in time")

    with open_store(tick) as store:
        name, content = f"{own_folder()}/probe-{secrets.token_hex(8)}", secrets.token_bytes(64)
        store.put(name, content)
        try:
            with store.get(name) as source:
                if source.read(len(content) + 1) != content:
                    raise RemoteError(
                        said("{title} does not give back what was written there", title=store.title)
                    )
        except FileNotFoundError:
            raise RemoteError(
                said("{title} does not have what was written there", title=store.title)
            ) from None
        finally:
            store.remove(name)
        found = backups_in(store, own_folder())
        note_copies(store.title, found, arrived=False)
    return len(found)


def trust_host(actor: Actor, host_key: str) -> None:
    """Take a key, which somebody has compared, for that of the machine that is reached by SSH."""
    from appliance.backup.remote.host_key import fingerprint

    shown = fingerprint(host_key)
    change_settings(actor, {"backup.sftp.host_key": host_key})
    audit.record(actor, "backup.trust", get_config().backup.sftp.host, fingerprint=shown)
