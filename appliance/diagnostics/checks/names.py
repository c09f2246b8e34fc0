"""DNS: whether the names of this server lead to public addresses."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import outside
from appliance.diagnostics.own_names import is_public, nameless, own_names
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, skipped, warn
from matrix_app.protocol.said import said


@check("names.host", "Address of the host for clients", timeout=15)
@on_no_answer
def host() -> Result:
    """The name in `server.public_baseurl` has A or AAAA records with public addresses."""
    names = own_names()
    return nameless() if names is None else _resolved(names.host)


@check("names.server_name", "Address of the server's name", timeout=15)
@on_no_answer
def server_name() -> Result:
    """The domain in user IDs leads somewhere, where files of .well-known can be put."""
    names = own_names()
    if names is None:
        return nameless()
    if names.domain == names.host:
        return skipped("It is the name of the host for clients")
    return _resolved(names.domain)


def _resolved(name: str) -> Result:
    found = outside().addresses(name)
    if not found:
        return error(
            said("{name} has no address", name=name),
            fix="Add this record where the domain's DNS is, with the public address of this machine.",
            snippet=f"{name}.  IN  A  203.0.113.1",
            addresses=[],
        )
    private = [address for address in found if not is_public(address)]
    text = said("{name} is at {found}", name=name, found=found)
    if len(private) == len(found) and get_config().federation.allow_private_addresses:
        return warn(
            said("{text}, which is private", text=text),
            fix="That does for a network of your own, and no other.",
            addresses=found,
        )
    if private:
        return error(
            said("{private} of {name} cannot be reached from the Internet", private=private, name=name),
            fix="Name the public address of your router or machine, and remove the private one.",
            addresses=found,
        )
    return ok(text, addresses=found)


@check("names.service", "SRV records", timeout=15)
@on_no_answer
def service() -> Result:
    """`_matrix-fed._tcp` is used where there is no .well-known; `_matrix._tcp` is its old name."""
    names = own_names()
    if names is None:
        return nameless()
    present = outside().services(f"_matrix-fed._tcp.{names.domain}")
    old = outside().services(f"_matrix._tcp.{names.domain}")
    if present:
        return ok(said("_matrix-fed._tcp leads to {present}", present=present), targets=present)
    if old:
        return warn(
            said("_matrix._tcp leads to {old}, under a name that is no longer to be used", old=old),
            fix="Name it _matrix-fed._tcp.",
            snippet=f"_matrix-fed._tcp.{names.domain}.  IN  SRV  10 5 {old[0].rpartition(':')[2]} "
            f"{old[0].rpartition(':')[0]}.",
        )
    return info("There are none; with .well-known/matrix/server none are needed")
