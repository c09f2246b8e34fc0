"""What would become of each row: a new account, nothing because it is there already, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.ids import domain_of, localpart_of, parse_user_id
from matrix_app.protocol.said import said
from matrix_app.services import mail
from matrix_app.services.appservices import appservices, refuse_reserved
from matrix_app.services.create_account import local_user_id
from matrix_app.services.edit_account import MOST_ADDRESSES
from matrix_app.services.passwords import check_length, check_policy
from matrix_app.services.profile_fields import checked_field
from matrix_app.services.user_import.table import Row
from matrix_app.storage import accounts, threepids
from matrix_app.storage.local_server import local_server_name

_AT_ONCE: Final = 500


class Fate(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    # The account, or an address of it, is there already, or stands in the table before.
    TAKEN = "taken"
    WRONG = "wrong"


class Verdict(NamedTuple):
    """A row and what becomes of it; `reason` is a sentence for who made the table."""

    row: Row
    user_id: str
    fate: Fate
    reason: str = ""


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """The verdicts on rows, in their order. Some hundreds of them cost one statement more."""
    services = appservices()
    found = [_alone(row, services) for row in rows]
    users = {verdict.user_id for verdict in found if verdict.fate is Fate.NEW}
    addresses = {address for row in rows for address in _addresses(row)}
    taken = _taken_users(sorted(users)), _taken_addresses(sorted(addresses))
    seen: tuple[set[str], set[str]] = set(), set()
    return [_among_others(verdict, taken, seen) for verdict in found]


def _alone(row: Row, services: Sequence[Appservice]) -> Verdict:
    """What can be told of a row by itself."""
    if row.fault:
        return Verdict(row, row.user, Fate.WRONG, row.fault)
    try:
        user_id = _user_id(row.user)
        refuse_reserved(user_id, services)
        if row.password:
            check_length(row.password)
            check_policy(row.password)
        if row.display_name:
            checked_field("displayname", row.display_name)
    except MatrixError as error:
        return Verdict(row, row.user, Fate.WRONG, error.message or error.errcode)
    wrong = [address for address in row.addresses if not mail.is_address(address)]
    if wrong or len(row.addresses) > MOST_ADDRESSES:
        return Verdict(row, user_id, Fate.WRONG, said("That is not a mail address"))
    return Verdict(row, user_id, Fate.NEW)


def _user_id(name: str) -> str:
    """The ID that a name of the table means: a localpart, or a whole ID, with or without its sign."""
    if ":" not in name:
        return local_user_id(name.removeprefix("@"))
    user_id = parse_user_id(name if name.startswith("@") else f"@{name}")
    if domain_of(user_id) != local_server_name():
        raise MatrixError("The user ID is one of another server")
    return local_user_id(localpart_of(user_id))


def _addresses(row: Row) -> list[str]:
    return [threepids.canonical("email", address) for address in row.addresses]


def _taken_users(user_ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(user_ids), _AT_ONCE):
        found |= accounts.existing(user_ids[start : start + _AT_ONCE])
    return found


def _taken_addresses(addresses: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(addresses), _AT_ONCE):
        found |= threepids.existing(addresses[start : start + _AT_ONCE])
    return found


def _among_others(
    verdict: Verdict, taken: tuple[set[str], set[str]], seen: tuple[set[str], set[str]]
) -> Verdict:
    """The verdict on a row that alone would be a new account, beside what is there and what is before it."""
    if verdict.fate is not Fate.NEW:
        return verdict
    users, addresses = taken
    own = set(_addresses(verdict.row))
    reason = ""
    if verdict.user_id in users:
        reason = said("The user name is taken")
    elif verdict.user_id in seen[0]:
        reason = said("The user is in the table twice")
    elif own & addresses:
        reason = said("The mail address belongs to an account already")
    elif own & seen[1]:
        reason = said("The mail address is in the table twice")
    if reason:
        return verdict._replace(fate=Fate.TAKEN, reason=reason)
    seen[0].add(verdict.user_id)
    seen[1].update(own)
    return verdict
