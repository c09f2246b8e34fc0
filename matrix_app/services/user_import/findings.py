"""What would happen with a table: found once, by the upload or by a long task, and kept with the table.

A page that judged ten thousand rows at each visit would take a second; this is one small row to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from appliance.sealing import seal, unseal
from matrix_app.protocol.said import packed, unpacked
from matrix_app.services.user_import.judge import Fate, Verdict
from matrix_app.services.user_import.kept import Options
from matrix_app.services.user_import.table import Table
from matrix_app.storage.clock import now_ms

# So many of the rows that become no account are kept, with their reasons.
MOST_REFUSED: Final = 50


class Refused(msgspec.Struct, frozen=True):
    """A row that becomes no account."""

    line: int
    user_id: str
    reason: str


class Findings(msgspec.Struct, frozen=True):
    """How many rows have which fate, and of the new accounts how many are what."""

    looked_ts: int
    rows: int
    new: int
    taken: int
    wrong: int
    admins: int
    with_address: int
    random: int
    ignored: tuple[str, ...]
    refused: tuple[Refused, ...]

    @property
    def refused_count(self) -> int:
        """How many rows become no account."""
        return self.taken + self.wrong

    def may_start(self, options: Options) -> bool:
        """Whether there is something to do, and nothing that ends it."""
        return self.new > 0 and (options.skip or not self.refused_count)


def findings(table: Table, verdicts: Sequence[Verdict], options: Options) -> Findings:
    """What is to be kept of the verdicts on a whole table."""
    fates = Counter(verdict.fate for verdict in verdicts)
    new = [verdict.row for verdict in verdicts if verdict.fate is Fate.NEW]
    refused = [verdict for verdict in verdicts if verdict.fate is not Fate.NEW]
    return Findings(
        looked_ts=now_ms(),
        rows=len(verdicts),
        new=fates[Fate.NEW],
        taken=fates[Fate.TAKEN],
        wrong=fates[Fate.WRONG],
        admins=sum(row.is_admin for row in new),
        with_address=sum(bool(row.addresses) for row in new),
        random=sum(options.all_random or not row.password for row in new),
        ignored=table.ignored,
        refused=tuple(Refused(one.row.line, one.user_id, one.reason) for one in refused[:MOST_REFUSED]),
    )


def sealed(found: Findings) -> bytes:
    """As it is stored: where columns were mixed up, a password stands for a user."""
    return seal(msgspec.json.encode(found, enc_hook=packed))


def unsealed(stored: bytes) -> Findings:
    """What was stored."""
    found = msgspec.json.decode(unseal(stored), type=Findings)
    refused = tuple(replace(one, reason=unpacked(one.reason)) for one in found.refused)
    return replace(found, refused=refused)
