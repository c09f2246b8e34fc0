"""Turns hsbench's report of two targets into the table of docs/performance.md: table REPORT.txt"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_ROW = re.compile(r"^(?P<name>.+?)\s{2,}(?P<first>[\d.,]+)\s+(?P<second>[\d.,]+)\s+(?P<ratio>[\d.]+)x")
# What says the same again, or measures the client.
_LEFT_OUT = ("RSS", "USS", "client CPU", "answer [KiB]", "sync answers", "processes", "first start")


def rows(report: str) -> list[str]:
    """The lines of a Markdown table: a section row for each scenario, then its figures."""
    made = ["| what | Synapse | Hearth | times better |", "|---|---:|---:|---:|"]
    for line in report.splitlines():
        if line.startswith("== "):
            made.append(f"| **{line.strip('= ')}** | | | |")
        elif (found := _ROW.match(line)) and not any(word in line for word in _LEFT_OUT):
            made.append(_row(found))
    return made


def _row(found: re.Match[str]) -> str:
    first, second = (float(found[key].replace(",", "")) for key in ("first", "second"))
    more_is_better = "/s]" in found["name"]
    better = second / first if more_is_better else first / second
    return f"| {found['name']} | {found['first']} | {found['second']} | {better:.1f} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(rows(Path(sys.argv[1]).read_text(encoding="utf-8"))) + "\n")
