"""What must be started anew after something has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from appliance import own_certificate
from appliance.packaged import CONFIGURATION
from appliance.reconfigure import services
from appliance.reconfigure.change import Change
from appliance.reconfigure.services import HANDOVER, PROXY, SERVER, TURN, Order
from appliance.restart import request_restart
from appliance.started_with import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.config import Config
    from appliance.reconfigure.files import Written

# The files that services of the package read, and what has a service read its file again. Caddy goes on with
# the connections it has; coturn reads its file only when it starts.
_READERS: Final = {
    "turn-certificate.env": (HANDOVER, "start"),
    "Caddyfile": (PROXY, "reload-or-restart"),
    "turnserver.conf": (TURN, "restart"),
    own_certificate.CERTIFICATE: (PROXY, "reload-or-restart"),
    own_certificate.KEY: (PROXY, "reload-or-restart"),
}
# Those whose service goes on when they are removed, with something else.
_MAY_GO: Final = (own_certificate.CERTIFICATE, own_certificate.KEY)
_WHY: Final = "the configuration has changed since the server was started"


class Restarted(NamedTuple):
    """What was started anew, what people have to, and what was refused."""

    done: list[Change]
    notes: list[str]
    faults: list[str]


def start_anew(config: Config, written: Mapping[str, Written], *, dry_run: bool) -> Restarted:
    """Start anew what reads a changed file, and the server when it runs with another configuration."""
    if services.is_there():
        found = {name: _order(name, written[name]) for name in _READERS if name in written}
        orders = _one_for_each(config, found)
        if is_stale(config):
            orders.append(Order(SERVER, "restart", _WHY))
        done, faults = services.carry_out(orders, dry_run=dry_run)
        return Restarted(
            done, _to_be_read(one for name, one in written.items() if not found.get(name)), faults
        )
    notes = _to_be_read(written.values())
    if not is_stale(config):
        return Restarted([], notes, [])
    if dry_run or request_restart():
        return Restarted([Change("server", "started anew", _WHY)], notes, [])
    return Restarted([], notes, [f"{_WHY}: start it again"])


def _one_for_each(config: Config, found: Mapping[str, Order | None]) -> list[Order]:
    """One order for a service, whichever of its files has changed; coturn has the proxy's certificate."""
    orders: dict[str, Order] = {}
    for order in found.values():
        if order is not None:
            orders.setdefault(order.unit, order)
    has_certificate = config.turn.server_file is not None and config.turn.certificate_file is not None
    if found.get(own_certificate.CERTIFICATE) and has_certificate:
        orders.setdefault(HANDOVER, Order(HANDOVER, "start", "the certificate has changed"))
    return list(orders.values())


def _to_be_read(written: Iterable[Written]) -> list[str]:
    return [f"{one.change.what} has changed: what reads it must be started again" for one in written]


def _order(name: str, written: Written) -> Order | None:
    """What to do with the service that reads a file; None when no service of the package does."""
    if written.change.what != str(CONFIGURATION / name):
        return None
    unit, verb = _READERS[name]
    if written.change.did == "removed" and name not in _MAY_GO:
        return Order(unit, "stop", f"{name} is not there any more")
    return Order(unit, verb if written.before else "start", f"{name} has changed")
