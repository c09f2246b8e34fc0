"""A user of matrix-nio who does what another program says, a line of JSON each way for everything.

    python -m tests.clients.nio_partner http://127.0.0.1:8008

Writes `{"user_id": …, "device_id": …}` first. A line `{"do": NAME, "with": [ARGUMENTS]}` is answered by
`{"done": RESULT}`; what fails ends the process.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.clients.nio_encrypted import Correspondent, correspondent
from tests.clients.nio_sas import follow_the_specification


async def asks_device(partner: Correspondent, user_id: str, device_id: str) -> str:
    """Ask the device for a verification and start it; the transaction."""
    return await partner.asks(await partner.device_of(user_id, device_id))


async def knows(partner: Correspondent, user_id: str, device_id: str) -> None:
    """The partner has the keys of the device."""
    await partner.device_of(user_id, device_id)


COMMANDS: dict[str, Any] = {
    "joins": Correspondent.joins,
    "says": Correspondent.say,
    "hears": Correspondent.hears,
    "is_asked": Correspondent.is_asked,
    "asks": asks_device,
    "emoji": Correspondent.emoji,
    "confirms": Correspondent.confirms,
    "unreadable": Correspondent.unreadable,
    "knows": knows,
}


async def obey(url: str) -> None:
    """Until the input ends."""
    follow_the_specification()
    loop = asyncio.get_running_loop()
    async with correspondent(url, "partner") as partner:
        _write({"user_id": partner.user_id, "device_id": partner.client.device_id})
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            _write({"done": await COMMANDS[order["do"]](partner, *order["with"])})


def _write(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(obey(sys.argv[1]))
