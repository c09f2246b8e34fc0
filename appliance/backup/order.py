"""Having a server that is not set up yet replaced by a backup: what must be true, and the order itself."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from appliance.backup.errors import BackupError
from appliance.backup.layout import Stored
from appliance.backup.parts import FORGED, open_backup
from appliance.backup.verify import schema_faults
from appliance.config import get_config, setup_file
from appliance.config.addresses import parse_database_url
from appliance.restart import can_restart, request_restart
from appliance.restore_order import Order, Outcome, forget_outcome, read_outcome, write_order
from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam
from matrix_app.protocol.said import said
from matrix_app.services import audit, setup
from matrix_app.services.audit import Actor
from matrix_app.services.timer import timer
from matrix_app.storage.clock import now_ms

# The answer, and the page that it leads to, must be there before the processes go.
RESTART_AFTER_SECONDS: Final = 1.0


def require_unused() -> None:
    """Raise `Forbidden` when somebody uses this server: then nothing is put in its place."""
    if not setup.is_open() or not setup.name_can_change():
        raise Forbidden("This server has accounts: nothing is restored over it")


def hindrances(stored: Stored) -> list[str]:
    """Why a backup cannot be restored on this machine, by what can be told without its keys."""
    manifest, config = stored.manifest, get_config()
    target = parse_database_url(config.database.url, config.server.data_dir)
    found = list(schema_faults(manifest))
    if manifest.engine != target.engine:
        found.append(
            said(
                "It is a backup of {engine}, and database.url leads to {other}: start Hearth with a database"
                " of {engine}, and move it with hearth move-database afterwards",
                engine=manifest.engine,
                other=target.engine,
            )
        )
    if "server.name" in setup_file.fixed_names() and config.server.name != manifest.server_name:
        found.append(
            said(
                'The configuration says that this server is {name}: write server.name = "{wanted}" there, or'
                " leave it out",
                name=config.server.name,
                wanted=manifest.server_name,
            )
        )
    return found


def order_restore(actor: Actor, stored: Stored, address: str, *, token: str, despite: bool = False) -> None:
    """Have a backup restored by a new start of all processes.

    Raises `Forbidden` where the server is in use, `BackupError` for a backup that does not fit or was not
    found whole (unless `despite`), `InvalidParam` for an address that is none, `Conflict` where nobody starts
    the server anew.
    """
    require_unused()
    for fault in hindrances(stored):
        raise BackupError(fault)
    if open_backup(stored).is_forged:
        raise BackupError(
            said("The backup {id} cannot be restored: {why}", id=stored.manifest.id, why=FORGED)
        )
    _require_verdict(stored, despite=despite)
    _require_address(stored, address)
    if not can_restart():
        raise Conflict("Nobody starts the server anew here: stop it, and run hearth restore")
    data_dir = get_config().server.data_dir
    audit.record(actor, "setup.restore", stored.manifest.id, server=stored.manifest.server_name)
    forget_outcome(data_dir)
    write_order(data_dir, _order(actor, stored, address, token))
    timer.call_in(RESTART_AFTER_SECONDS, request_restart)


def outcome_for(token: str | None) -> Outcome | None:
    """How the last restore ended, for the browser that asked for it."""
    found = read_outcome(get_config().server.data_dir)
    if found is None or not token or not hmac.compare_digest(found.token_hash, _mark(token)):
        return None
    return found


def _order(actor: Actor, stored: Stored, address: str, token: str) -> Order:
    file = setup_file.setup_file()
    return Order(
        backup=stored.manifest.id,
        server_name=stored.manifest.server_name,
        address=address,
        token_hash=_mark(token),
        ip=actor.ip,
        asked_ts=now_ms(),
        setup_file=file.read_text(encoding="utf-8") if file.is_file() else None,
    )


def _mark(token: str) -> bytes:
    """Not as sessions are kept: the restored server mixes another secret into those."""
    return hashlib.sha256(token.encode()).digest()


def _require_verdict(stored: Stored, *, despite: bool) -> None:
    if stored.verdict is None:
        raise BackupError("Have the backup verified first")
    if stored.verdict.faults and not despite:
        raise BackupError("The backup was not found whole: say that it is to be restored all the same")


def _require_address(stored: Stored, address: str) -> None:
    faults = setup.check_names(stored.manifest.server_name, address)
    if faults:
        raise InvalidParam("; ".join(f"{fault.key}: {fault.message}" for fault in faults))
