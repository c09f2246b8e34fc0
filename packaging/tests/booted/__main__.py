"""The whole story; an assertion that fails ends it. It goes on after the reboot."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback

from stories.client import CLIENT, ask, make_alice, make_room, send
from stories.system import install

from booted import faults, units
from booted.load import check_nothing_is_lost, every_message
from booted.machine import call, main_pid, remember, remembered, tell, wait_active
from booted.names import check_names
from booted.peer import check_federation
from booted.pictures import check_picture
from booted.turn import check_turn


def first_boot() -> None:
    """From the older packages to the new ones, and everything that they do."""
    units.check_up()
    check_names()
    began = time.monotonic()
    token = make_alice()
    room = make_room(token)
    send(token, room, "before the upgrade")
    assert list(every_message(token, room)) == ["before the upgrade"]
    ask("PUT", f"{CLIENT}/profile/@alice:example.org/displayname", token, {"displayname": "Alice"})
    tell("a message was sent and read", began)
    check_nothing_is_lost("an upgrade", token, room, upgrade)
    units.check_up()
    units.check_confined()
    check_picture(token)
    check_names()
    check_federation("Alice")
    check_turn(token)
    units.check_reloads()
    faults.check_crash()
    if not os.environ.get("STORY_QUICK"):
        faults.check_hung_web_process()
    faults.check_hung_services()
    units.check_doctor()
    send(token, room, "before the reboot")
    remember(token=token, room=room, count=len(list(every_message(token, room))))
    tell("the machine restarts")
    call("systemctl", "reboot")


def upgrade() -> None:
    """As apt does it."""
    before = [main_pid(unit) for unit in (faults.WEB, faults.WORKER)]
    version = packaged()
    install("new")
    for unit in (faults.WEB, faults.WORKER):
        wait_active(unit)
    after = [main_pid(unit) for unit in (faults.WEB, faults.WORKER)]
    assert not set(before) & set(after), "the services were not started again"
    tell(f"{version} was replaced by {packaged()}")


def packaged() -> str:
    """Which packages are installed."""
    return call(
        "dpkg-query", "--show", "--showformat", "${Package} ${Version} ", "hearth", "hearth-runtime"
    ).strip()


def second_boot() -> None:
    """Everything is there again by itself."""
    facts = remembered()
    token, room = facts["token"], facts["room"]
    units.check_up()
    found = list(every_message(token, room))
    assert len(found) == facts["count"], (len(found), facts["count"])
    assert (found[0], found[-1]) == ("before the upgrade", "before the reboot"), (found[0], found[-1])
    send(token, room, "after the reboot")
    tell(f"after the reboot all {len(found)} messages are there, and one more")
    check_names()
    check_federation("Alice")
    check_turn(token)
    units.check_none_failed()
    tell("the end")
    call("systemctl", "poweroff")


def main() -> None:
    """Which boot it is, the machine remembers."""
    (second_boot if remembered() else first_boot)()


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    print(flush=True)
    try:
        main()
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        subprocess.run(["systemctl", "--no-pager", "--failed"], check=False)
        subprocess.run(
            ["journalctl", "--boot", "--no-pager", "-o", "cat", "-n", "60", "-u", "hearth-*"], check=False
        )
        subprocess.run(["systemctl", "poweroff", "--force"], check=False)
        raise
