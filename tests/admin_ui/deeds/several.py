"""What an owner does with several users or rooms at once."""

from __future__ import annotations

import pytest

from tests.admin_ui.deeds.care import notices
from tests.admin_ui.deeds.files import is_stored, upload
from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.rooms import is_in_directory
from tests.admin_ui.deeds.stage import VERSION, Stage, eventually
from tests.admin_ui.deeds.users import refusal
from tests.interop.people import Person, Refused


def choose(owner: Hand, address: str, names: list[str], verb: str) -> None:
    """Mark rows of a list, and press a button below it."""
    owner.open(address)
    for name in names:
        owner.check(f"Choose {name}")
    owner.press(verb)


@deed(
    admin_users_chosen__notice="task.start",
    admin_users_chosen__media="task.start",
    admin_users_chosen__deactivate="user.deactivate",
)
def do_the_same_with_users(stage: Stage) -> None:
    people, owner = [stage.person("several"), stage.person("several")], stage.owner
    names = [person.user_id for person in people]
    files = [upload(person, f"a file of {person.user_id}".encode()) for person in people]
    choose(owner, "/admin/users/?q=several", names, "Send a notice")
    owner.fill("Text", "To both of you")
    owner.press("Send it")
    stage.task_is_done(owner)
    assert [notices(person) for person in people] == [["To both of you"], ["To both of you"]]
    choose(owner, "/admin/users/?q=several", names, "Remove their media")
    owner.type_to_confirm("2")
    owner.press("Remove")
    stage.task_is_done(owner)
    assert not any(is_stored(stage, media_id) for media_id in files)
    choose(owner, "/admin/users/?q=several", names, "Deactivate the chosen accounts")
    owner.type_to_confirm("2")
    owner.press("Deactivate")
    owner.says("2 accounts have been deactivated.")
    assert [refusal(person) for person in people] == ["M_UNKNOWN_TOKEN"] * 2


def room_with_a_file(person: Person, number: int) -> tuple[str, str]:
    """The room, and the file that a message in it shows."""
    media_id = upload(person, f"a file in room {number}".encode())
    room_id = person.create_room(VERSION, name=f"one of several {number}")
    content = {"msgtype": "m.file", "body": "it", "url": f"mxc://{person.server_name}/{media_id}"}
    person.put("rooms", room_id, "send", "m.room.message", "1", body=content)
    return room_id, media_id


@deed(
    admin_rooms_chosen__publish="room.publish",
    admin_rooms_chosen__unpublish="room.unpublish",
    admin_rooms_chosen__block="room.block",
    admin_rooms_chosen__media="task.start",
    admin_rooms_chosen__delete="task.start",
)
def do_the_same_with_rooms(stage: Stage) -> None:
    person, other, owner = stage.person(), stage.person(), stage.owner
    made = [room_with_a_file(person, number) for number in range(2)]
    rooms, files = [room_id for room_id, _ in made], [media_id for _, media_id in made]
    address = "/admin/rooms/?q=one+of+several"
    choose(owner, address, rooms, "Publish in the directory")
    owner.says("Done for 2 rooms.")
    assert all(is_in_directory(person, room_id) for room_id in rooms)
    choose(owner, address, rooms, "Take out of the directory")
    assert not any(is_in_directory(person, room_id) for room_id in rooms)
    choose(owner, address, rooms, "Block")
    with pytest.raises(Refused):
        other.join(rooms[0])
    choose(owner, address, rooms, "Remove their media")
    owner.type_to_confirm("2")
    owner.press("Remove")
    stage.task_is_done(owner)
    assert not any(is_stored(stage, media_id) for media_id in files)
    choose(owner, address, rooms, "Delete")
    owner.type_to_confirm("2")
    owner.press("Delete")
    eventually(lambda: person.get("joined_rooms")["joined_rooms"] == [])
