"""Each action of the administration and of accounts, once, in Chromium, with its effect: two minutes.

The setup has `test_setup_in_a_browser.py`.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from tests.admin_ui.deeds import (
    account,
    apps,
    backups,
    belongings,
    care,
    files,
    imports,
    policies,
    rooms,
    running,
    several,
    signing_in,
    users,
)
from tests.admin_ui.deeds.hand import LOOKED_AT
from tests.admin_ui.deeds.registry import DEEDS, Deed, wanted
from tests.admin_ui.deeds.stage import Stage, stage
from tests.clients.stories import needs_chromium
from tests.factories.ssh_server import PROGRAM
from tests.filled.answers import answering_actions

OF_OWNERS = (users, belongings, imports, files, rooms, several, policies, care, running, backups)
# Shows recovery codes, as account:recovery-codes does.
SHOWN_ELSEWHERE = {"account:passkey-add"}
SECTIONS = (*OF_OWNERS, account, apps, signing_in)


def test_there_is_a_deed_for_every_action() -> None:
    assert {module.__name__ for module in SECTIONS} == {one.do.__module__ for one in DEEDS}
    named = [name for one in DEEDS for name in one.audited]
    assert sorted(named) == sorted(set(named)), "an action is done twice"
    assert set(named) == wanted()


@pytest.mark.slow
@needs_chromium
@pytest.mark.skipif(PROGRAM is None, reason="needs Debian's package openssh-server")
def test_every_action_does_what_it_says(tmp_path: Path) -> None:
    with stage(tmp_path) as here:
        found = [fault for one in DEEDS for fault in faults_of(here, one)]
        answered = {name for hand in here.hands for name in hand.answered}
    assert found == [], "\n\n".join(found)
    assert answered >= LOOKED_AT
    assert answered - LOOKED_AT - SHOWN_ELSEWHERE <= answering_actions(), "say in tests/filled/answers.py how"


def faults_of(here: Stage, one: Deed) -> list[str]:
    """What went wrong with a deed: its effect, the forms that it was to send, and the audit log."""
    before = max((nid for nid, _ in here.audited()), default=0)
    for hand in here.hands:
        hand.sent.clear()
    try:
        one.do(here)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  (every deed is to be tried)
        return [f"{one.do.__name__}: {traceback.format_exc(limit=-4)}"]
    sent = {name for hand in here.hands for name in hand.sent}
    written = {action for _, action in here.audited(before)}
    faults = [f"no form was sent to {name}" for name in one.audited if name not in sent]
    faults += [
        f"{name} has left no {entry} in the audit log but {sorted(written)}"
        for name, entry in one.audited.items()
        if entry is not None and entry not in written
    ]
    for hand in here.hands:
        faults += hand.complaints
        hand.complaints.clear()
    return [f"{one.do.__name__}: {fault}" for fault in faults]
