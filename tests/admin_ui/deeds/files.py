"""What an owner does with pictures and files."""

from __future__ import annotations

import json

from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import VERSION, Stage
from tests.interop.people import Person, call, path_of

PNG = b"\x89PNG\r\n\x1a\n and so on"


def upload(person: Person, content: bytes = PNG) -> str:
    """The ID of a new file of somebody."""
    query = {"filename": "picture.png"}
    answer, data = call(
        person.base,
        "POST",
        "/_matrix/media/v3/upload",
        content,
        query=query,
        token=person.token,
        kind="image/png",
    )
    assert answer.status == 200, data
    return str(json.loads(data)["content_uri"]).rpartition("/")[2]


def status_of(person: Person, media_id: str) -> int:
    """With which status a file of somebody is answered to them."""
    path = path_of("v1", "media", "download", person.server_name, media_id)
    return call(person.base, "GET", path, token=person.token)[0].status


def is_stored(stage: Stage, media_id: str) -> bool:
    return bool(stage.value(f"SELECT count(*) FROM media WHERE media_id = '{media_id}'"))


def open_file(stage: Stage, person: Person, media_id: str) -> Hand:
    stage.owner.open(f"/admin/media/{person.server_name}/{media_id}/")
    return stage.owner


@deed(
    admin_media_one__quarantine="media.quarantine",
    admin_media_one__release="media.end_quarantine",
    admin_media_one__protect="media.protect",
)
def quarantine_release_and_protect(stage: Stage) -> None:
    person = stage.person()
    media_id = upload(person, b"\x89PNG\r\n\x1a\n one")
    owner = open_file(stage, person, media_id)
    owner.press("Quarantine: served to nobody")
    assert status_of(person, media_id) == 404
    owner.press("End the quarantine")
    assert status_of(person, media_id) == 200
    owner.press("Protect it from quarantine")
    owner.press("Quarantine: served to nobody")
    owner.says("Protected media are not put into quarantine.")
    assert status_of(person, media_id) == 200


@deed(admin_media_one__block="media.block")
def block_a_file_whoever_sends_it(stage: Stage) -> None:
    person, other = stage.person(), stage.person()
    content = b"\x89PNG\r\n\x1a\n blocked"
    open_file(stage, person, upload(person, content)).press("Block the file, whoever sends it")
    query = {"filename": "again.png"}
    answer, _ = call(
        other.base,
        "POST",
        "/_matrix/media/v3/upload",
        content,
        query=query,
        token=other.token,
        kind="image/png",
    )
    assert answer.status == 403


@deed(admin_media_one__remove="media.remove")
def remove_a_file(stage: Stage) -> None:
    person = stage.person()
    media_id = upload(person, b"\x89PNG\r\n\x1a\n removed")
    open_file(stage, person, media_id).press("Remove")
    assert status_of(person, media_id) == 404
    assert not is_stored(stage, media_id)


@deed(
    admin_media_chosen__quarantine="media.quarantine",
    admin_media_chosen__block="media.block",
    admin_media_chosen__remove="media.remove",
)
def do_the_same_with_some(stage: Stage) -> None:
    person, owner = stage.person(), stage.owner
    files = [upload(person, b"\x89PNG\r\n\x1a\n chosen %d" % number) for number in range(2)]
    # Quarantine blocks the content too, so it comes last but one.
    for verb in ("Block or unblock the file", "Quarantine", "Remove"):
        owner.open("/admin/media/all/")
        for media_id in files:
            owner.check(f"Choose {media_id}")
        owner.press(verb)
        owner.says("Done.")
        assert [status_of(person, media_id) for media_id in files] == [404, 404]
    assert not any(is_stored(stage, media_id) for media_id in files)


@deed(admin_media_clean="media.remove_old")
def remove_what_nobody_looks_at(stage: Stage) -> None:
    person, owner = stage.person(), stage.owner
    media_id = upload(person, b"\x89PNG\r\n\x1a\n old")
    stage.database.run(f"UPDATE media SET created_ts = 1, last_used_ts = 1 WHERE media_id = '{media_id}'")
    owner.open("/admin/media/")
    owner.unfold("Remove files that nobody looks at")
    owner.choose("Remove", "old")
    owner.press("Remove")
    owner.says("1 file has been removed")
    assert status_of(person, media_id) == 404


@deed(admin_user_media_quarantine="media.quarantine_of_user", admin_user_media_remove="media.remove_of_user")
def quarantine_and_remove_all_of_a_user(stage: Stage) -> None:
    person = stage.person()
    media_id = upload(person, b"\x89PNG\r\n\x1a\n all")
    owner = stage.open_user(person, "Media")
    owner.unfold("Put all of it into quarantine")
    press_below(owner, "Put all of it into quarantine")
    owner.says("1 file is in quarantine.")
    assert status_of(person, media_id) == 404
    owner.unfold("Remove all of it")
    owner.type_to_confirm(person.user_id)
    press_below(owner, "Remove all of it")
    owner.says("1 file has been removed")
    assert not is_stored(stage, media_id)


@deed(admin_room_media_quarantine="media.quarantine_of_room")
def quarantine_all_of_a_room(stage: Stage) -> None:
    person = stage.person()
    media_id = upload(person, b"\x89PNG\r\n\x1a\n in a room")
    room_id = person.create_room(VERSION)
    content = {"msgtype": "m.image", "body": "it", "url": f"mxc://{person.server_name}/{media_id}"}
    person.put("rooms", room_id, "send", "m.room.message", "1", body=content)
    owner = stage.open_room(room_id, "media/")
    owner.unfold("Put all of it into quarantine")
    press_below(owner, "Put all of it into quarantine")
    assert status_of(person, media_id) == 404


def press_below(hand: Hand, summary: str) -> None:
    """The button that was hidden behind another."""
    below = hand.page.locator("details", has=hand.page.locator("summary", has_text=summary))
    with hand.page.expect_navigation():
        below.locator("button.danger").click()
