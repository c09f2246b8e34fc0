"""What an owner does with rooms."""

from __future__ import annotations

import time

import pytest

from tests.admin_ui.deeds.files import press_below
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage, eventually
from tests.interop.people import Person, Refused


def is_in_directory(person: Person, room_id: str) -> bool:
    return room_id in {room["room_id"] for room in person.get("publicRooms")["chunk"]}


def count_events(stage: Stage, nid: int) -> int:
    return int(stage.value(f"SELECT count(*) FROM event WHERE room_nid = {nid}"))


@deed(admin_room_block="room.unblock")
def block_and_unblock(stage: Stage) -> None:
    person, other = stage.person(), stage.person()
    room_id = stage.room(person)
    owner = stage.open_room(room_id)
    owner.press("Block the room")
    with pytest.raises(Refused):
        other.join(room_id)
    owner.press("Let it be used again")
    other.join(room_id)


@deed(admin_room_publish="room.unpublish")
def publish_and_unpublish(stage: Stage) -> None:
    person = stage.person()
    room_id = stage.room(person)
    owner = stage.open_room(room_id)
    owner.press("Publish in the directory")
    assert is_in_directory(person, room_id)
    owner.press("Take out of the directory")
    assert not is_in_directory(person, room_id)


@deed(admin_room_make_admin="room.make_admin")
def make_somebody_its_administrator(stage: Stage) -> None:
    person, other = stage.person(), stage.person()
    room_id = stage.room(person)
    other.join(room_id)
    owner = stage.open_room(room_id)
    owner.unfold("Make somebody its administrator")
    owner.fill("User ID (empty: yourself)", other.user_id)
    owner.press("Give the power")
    assert other.state_content(room_id, "m.room.power_levels")["users"][other.user_id] == 100


@deed(admin_room_purge="room.purge_history")
def remove_old_messages(stage: Stage) -> None:
    person = stage.person()
    room_id = stage.room(person)
    old = person.say(room_id, "long ago")
    stage.database.run(f"UPDATE event SET origin_server_ts = 1 WHERE room_nid = {stage.room_nid(room_id)}")
    new = person.say(room_id, "today")
    owner = stage.open_room(room_id)
    owner.unfold("Remove old messages")
    owner.fill("From before", time.strftime("%Y-%m-%d"))
    owner.check("Messages of this server's users too")
    press_below(owner, "Remove old messages")
    stage.task_is_done(owner)
    with pytest.raises(Refused, match="M_NOT_FOUND"):
        person.event(room_id, old)
    assert person.event(room_id, new)


@deed(admin_room_delete="task.start")
def delete(stage: Stage) -> None:
    person = stage.person()
    room_id = stage.room(person)
    nid = stage.room_nid(room_id)
    assert count_events(stage, nid)
    owner = stage.open_room(room_id)
    owner.unfold("Delete the room")
    owner.page.get_by_label("Block it, so that nobody comes back").check()
    owner.type_to_confirm(room_id)
    press_below(owner, "Delete the room")
    stage.task_is_done(owner)
    assert room_id not in person.get("joined_rooms")["joined_rooms"]
    assert not count_events(stage, nid)


@deed(admin_room_add_user="room.add_user")
def let_somebody_join(stage: Stage) -> None:
    person, other = stage.person(), stage.person()
    room_id = stage.room(person)
    owner = stage.open_room(room_id)
    owner.unfold("Let somebody join")
    owner.fill("User of this server", other.user_id)
    owner.press("Let them join")
    assert other.get("joined_rooms")["joined_rooms"] == [room_id]


@deed(admin_room_ends_join="room.join_extremities")
def bring_the_ends_of_a_history_together(stage: Stage) -> None:
    person, peer = stage.person(), stage.peer
    room_id = stage.room(person)
    nid = stage.room_nid(room_id)
    joined = peer.join(room_id)
    ends = [peer.make(joined, "m.room.message", {"msgtype": "m.text", "body": f"end {n}"}) for n in range(4)]
    peer.send(*ends)
    count = f"SELECT count(*) FROM forward_extremity WHERE room_nid = {nid}"
    eventually(lambda: stage.value(count) == 4)
    owner = stage.open_room(room_id, "ends/")
    owner.press("Bring them together")
    assert stage.value(count) == 1
    owner.says("There are 3 ends fewer.")
