"""Which policy lists are followed, what their rules say, and whom they mean here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
from matrix_app.services.system_user import found_system_account
from matrix_app.storage import current_entries, events, members, policy_lists, summaries
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.policy_lists import ListRow
from matrix_app.storage.summaries import SummaryRow

RULE_COLUMNS: Final = (Column(_("Kind")), Column(_("Whom or what")), Column(_("Reason")), Column(_("Remove")))
MATCH_COLUMNS: Final = (
    Column(_("Kind")),
    Column(_("Whom or what")),
    Column(_("Rule")),
    Column(_("Rooms or invites"), align="number"),
)


@page("admin")
def lists(visit: Visit) -> HttpResponse:
    """All lists, and what they say of somebody."""
    asked = visit.query("entity").strip()
    rows = described_all(policy_lists.everything())
    return visit.page(
        "policies/list",
        rows=rows,
        has_own=any(row["row"].is_own for row in rows),
        asked=asked,
        said=follow.about(asked) if asked else [],
    )


def described(row: ListRow) -> dict[str, Any]:
    """A list with what its room says of it."""
    return described_all([row])[0]


def described_all(rows: Sequence[ListRow]) -> list[dict[str, Any]]:
    """Lists with what their rooms say of them: current while the server's own user is there."""
    room_nids = [row.room_nid for row in rows if row.room_nid is not None]
    known = summaries.get_many(room_nids)
    system = found_system_account() if room_nids else None
    inside = members.in_rooms(system.user_nid, room_nids) if system else {}
    return [
        {
            "row": row,
            "name": _name(row, known.get(row.room_nid or 0)),
            "is_here": _is_joined(inside.get(row.room_nid or 0)),
            "rules": len(rules_of(row).rules),
        }
        for row in rows
    ]


def _name(row: ListRow, summary: SummaryRow | None) -> str:
    return (summary.name if summary else None) or row.alias or row.room_id


def _is_joined(member: MemberRow | None) -> bool:
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
