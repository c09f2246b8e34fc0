"""Restoring what the setup page asked for, in a process that has the data for itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from msgspec.structs import replace

from appliance.backup.aside import finish, put_back, require_alone
from appliance.backup.errors import BackupError, DatabaseGone
from appliance.config.current import use_config
from appliance.config.errors import ConfigError
from appliance.restore_order import Order, Outcome, forget_order, read_order, write_order, write_outcome
from appliance.restore_progress import Told, forget_progress
from appliance.schema import SchemaRefused
from matrix_app.protocol.errors import MatrixError

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.backup.bring_back import BroughtBack
    from appliance.config import Config

log = structlog.get_logger(__name__)

# So often a restore is begun that something ends from outside each time.
MOST_ATTEMPTS: Final = 3
# Connections of processes that have ended are seen by the database a little longer.
PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.5


def carry_out(config: Config) -> None:
    """Restore what was ordered, or have everything as it was before; then a server can start.

    May end at any point, and be called again: it begins anew, but for an order that is done.
    """
    data_dir = config.server.data_dir
    order = read_order(data_dir)
    if order is None:
        return
    if order.outcome is None:
        order = _attempted(config, order)
    assert order.outcome is not None
    finish(config)
    write_outcome(data_dir, order.outcome)
    forget_order(data_dir)
    forget_progress(config.server.run_dir)


def _attempted(config: Config, order: Order) -> Order:
    """The order with its outcome. From then on there is no way back to what was before, if it went well."""
    data_dir = config.server.data_dir
    _patiently(lambda: require_alone(config))
    order = replace(order, attempts=order.attempts + 1)
    write_order(data_dir, order)
    log.info("restoring", backup=order.backup, attempt=order.attempts)
    try:
        outcome = _restored(config, order)
    except Exception as fault:
        # The boundary of the restore: it is logged, undone, and told.
        log.exception("the restore failed", backup=order.backup)
        _undo(config, order)
        outcome = _outcome(order, error=_sentence(fault))
    done = replace(order, outcome=outcome)
    write_order(data_dir, done)
    return done


def _restored(config: Config, order: Order) -> Outcome:
    _undo(config, order)
    if order.attempts > MOST_ATTEMPTS:
        raise BackupError(
            "The restore was ended from outside each time it was begun; is there enough memory?"
        )
    server = replace(config.server, name=order.server_name, public_baseurl=order.address)
    with use_config(replace(config, server=server)) as named:
        placed, renewed = _bring_back(named, order)
    return _outcome(
        order, aside=placed.aside, lost_media=placed.lost_media, is_unproven=placed.is_unproven,
        devices=renewed.devices, servers=renewed.servers,
    )  # fmt: skip


def _bring_back(config: Config, order: Order) -> BroughtBack:
    import django
    from django.db import connections

    django.setup()
    from appliance.backup.bring_back import bring_back
    from appliance.backup.layout import find_backup
    from appliance.cli.page_settings import look_at_pages
    from appliance.config import get_config
    from appliance.config.setup_file import write_names
    from matrix_app.services.audit import Actor

    look_at_pages()
    connections.close_all()
    told = Told(config.server.run_dir)
    stored = find_backup(get_config().backup.dir, order.backup)
    found = bring_back(stored, get_config(), Actor(None, "page", order.ip), replace=False, tell=told)
    write_names(order.server_name, order.address)
    return found


def _undo(config: Config, order: Order) -> None:
    """Have everything as it was when the order was given."""
    from appliance.backup.layout import write_whole
    from appliance.config.sources import SETUP_FILE

    put_back(config)
    file = config.server.data_dir / SETUP_FILE
    if order.setup_file is None:
        file.unlink(missing_ok=True)
    elif not file.is_file() or file.read_text(encoding="utf-8") != order.setup_file:
        write_whole(file, order.setup_file.encode())


def _patiently(require: Callable[[], None]) -> None:
    """Wait for others to be gone, for a while (or the restore says so), and for a database for ever."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            require()
            return
        except DatabaseGone as fault:
            log.warning("waiting for the database", fault=fault.message)
            until = time.monotonic() + PATIENCE_SECONDS
        except BackupError:
            if time.monotonic() > until:
                return
        time.sleep(_PAUSE_SECONDS)


def _outcome(order: Order, **more: object) -> Outcome:
    return Outcome(
        backup=order.backup, server_name=order.server_name, token_hash=order.token_hash,
        ended_ts=int(time.time() * 1000), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _sentence(fault: Exception) -> str:
    if isinstance(fault, MatrixError):
        return fault.message or fault.errcode
    if isinstance(fault, ConfigError | SchemaRefused | OSError):
        return str(fault)
    return f"An internal error ({type(fault).__name__}); the log tells more"
