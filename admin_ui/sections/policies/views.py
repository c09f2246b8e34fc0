"""Which policy lists are followed, what their rules say, and whom they mean here."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.policy_rules import Rule, RuleSet
from matrix_app.services.policy_lists import follow
from matrix_app.services.policy_lists.rules_of import rules_of
from matrix_app.services.system_user import system_account
from matrix_app.storage import current_entries, events, members, policy_lists, summaries
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.policy_lists import ListRow

RULE_COLUMNS: Final = (Column(_("Kind")), Column(_("Whom or what")), Column(_("Reason")), Column(""))
MATCH_COLUMNS: Final = (
    Column(_("Kind")),
    Column(_("Whom or what")),
    Column(_("Rule")),
    Column(_("Rooms"), align="number"),
)


@page("admin")
def lists(visit: Visit) -> HttpResponse:
    """All lists, and what they say of somebody."""
    asked = visit.query("entity").strip()
    rows = [described(row) for row in policy_lists.everything()]
    return visit.page(
        "policies/list",
        rows=rows,
        has_own=any(row["row"].is_own for row in rows),
        asked=asked,
        said=follow.about(asked) if asked else [],
    )


def described(row: ListRow) -> dict[str, Any]:
    """A list with what its room says of it."""
    summary = None if row.room_nid is None else summaries.get(row.room_nid)
    compiled = rules_of(row)
    return {
        "row": row,
        "name": (summary.name if summary else None) or row.alias or row.room_id,
        "is_here": _is_here(row),
        "rules": len(compiled.rules),
    }


def _is_here(row: ListRow) -> bool:
    """Whether the server's own user is in the room, so that its rules are current."""
    if row.room_nid is None:
        return False
    member = members.get(row.room_nid, system_account().user_nid)
    return member is not None and member.membership == Membership.JOIN


@page("admin")
def detail(visit: Visit, nid: int) -> HttpResponse:
    """What a list is, what of it is applied, and how many it means here."""
    row = follow.find(nid)
    compiled = rules_of(row)
    counts = Counter(rule.kind.value for rule in compiled.rules if rule.is_ban)
    return shown(
        visit,
        "overview",
        row,
        "overview",
        counts=counts,
        others=sum(not rule.is_ban for rule in compiled.rules),
        means_us=_means_us(compiled.bans),
        matches=policy_lists.count_matches(nid),
        successor=_successor(row),
    )


def shown(visit: Visit, template: str, row: ListRow, tab: str, **values: Any) -> HttpResponse:
    """A tab of a list."""
    common: dict[str, Any] = {"tab": tab, "list_nid": row.nid, "is_own_list": row.is_own}
    return visit.page(f"policies/{template}", **common, **described(row), **values)


def _means_us(bans: RuleSet) -> bool:
    """Whether a rule means this server or all of its users, which is not applied."""
    local = local_server_name()
    return bans.server(local) is not None or bans.user_alone(f"@a-user-of-this-server:{local}") is not None


def _successor(row: ListRow) -> str:
    """The room that has replaced that of the list, or nothing."""
    if row.room_nid is None:
        return ""
    tombstone = current_entries.of_rooms("m.room.tombstone", [row.room_nid]).get(row.room_nid)
    found = None if tombstone is None else events.parse(tombstone).content.get("replacement_room")
    return found if isinstance(found, str) else ""


@page("admin")
def rules(visit: Visit, nid: int) -> HttpResponse:
    """The rules of a list, by what they are about."""
    row = follow.find(nid)
    search = visit.query("q").strip().casefold()
    found = [rule for rule in rules_of(row).rules if not search or _mentions(rule, search)]
    first = min(read_number(visit.query("after")) or 0, len(found))
    table = Table(
        visit,
        RULE_COLUMNS,
        [(number, rule) for number, rule in enumerate(found[first : first + PAGE_SIZE + 1], first + 1)],
        key=lambda numbered: numbered[0],
        total=len(found),
        empty=_("There are no such rules."),
    )
    return shown(visit, "rules", row, "rules", table=table, search=visit.query("q"))


def _mentions(rule: Rule, search: str) -> bool:
    return search in rule.entity.casefold() or search in rule.reason.casefold()


@page("admin")
def matches(visit: Visit, nid: int) -> HttpResponse:
    """Whom a list was found to mean here."""
    row = follow.find(nid)
    kind, _sign, entity = visit.query("after").partition(" ")
    table = Table(
        visit,
        MATCH_COLUMNS,
        policy_lists.matches(nid, (kind, entity), PAGE_SIZE + 1),
        key=lambda match: f"{match.kind} {match.entity}",
        total=sum(policy_lists.count_matches(nid).values()),
        empty=_("The list means nobody and nothing that is known here."),
    )
    return shown(visit, "matches", row, "matches", table=table)
