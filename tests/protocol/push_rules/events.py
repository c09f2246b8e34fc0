"""Events for push rules to look at."""

from matrix_app.protocol.push_rules import EventView, PushContext

ROOM = "!room:example.org"
ALICE = "@alice:example.org"
BOB = "@bob:example.org"


def view(content=None, *, type="m.room.message", sender=BOB, room_id=ROOM, **others):
    return EventView({"type": type, "sender": sender, "content": content or {}, **others}, room_id)


def text(body, **content):
    return view({"msgtype": "m.text", "body": body, **content})


def context(members=10, level=0, **levels):
    return PushContext(members, level, levels)
