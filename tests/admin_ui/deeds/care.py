"""What an owner does with people's words: reports, notices, invitations; and with exports of their data."""

from __future__ import annotations

from tests.admin_ui.deeds.files import press_below
from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import PASSWORD, Stage
from tests.interop.people import Person, call, path_of


def reported(stage: Stage) -> tuple[Person, str, str]:
    """Who was reported, the room, and the message."""
    person, other = stage.person(), stage.person()
    room_id = stage.room(person)
    other.join(room_id)
    event_id = person.say(room_id, "something unkind")
    other.post("rooms", room_id, "report", event_id, body={"reason": "It is unkind"})
    return person, room_id, event_id


def open_the_newest(stage: Stage) -> Hand:
    stage.owner.open(f"/admin/reports/{stage.value('SELECT max(nid) FROM event_report')}/")
    return stage.owner


@deed(admin_report_handle="report.handle", admin_report_redact="event.redact")
def redact_what_was_reported_and_be_done(stage: Stage) -> None:
    person, room_id, event_id = reported(stage)
    owner = open_the_newest(stage)
    owner.unfold("Redact the message")
    owner.fill("Reason (others see it)", "unkind")
    press_below(owner, "Redact the message")
    event = person.event(room_id, event_id)
    assert event["content"] == {}
    assert event["unsigned"]["redacted_because"]["content"]["reason"] == "unkind"
    owner.press("Done with it")
    assert "It is unkind" not in owner.page.locator("main").inner_text()
    owner.follow("Seen to")
    assert "It is unkind" in owner.page.locator("main").inner_text()


@deed(admin_report_delete="report.delete")
def remove_a_report(stage: Stage) -> None:
    reported(stage)
    owner = open_the_newest(stage)
    address = owner.page.url
    owner.unfold("Remove the report")
    press_below(owner, "Remove the report")
    answer = owner.page.context.request.get(address)
    assert answer.status == 404


@deed(admin_notices="notice.send_all")
def tell_one_and_everybody(stage: Stage) -> None:
    person, other = stage.person(), stage.person()
    stage.owner.open(f"/admin/notices/?to={person.user_id}")
    stage.owner.fill("Text", "Only you")
    stage.owner.press("Send the notice")
    assert notices(person) == ["Only you"]
    stage.owner.open("/admin/notices/")
    stage.owner.fill("Text", "All of you")
    stage.owner.check("Send it to everybody")
    stage.owner.press("Send the notice")
    stage.task_is_done(stage.owner)
    assert "All of you" in notices(person)
    assert "All of you" in notices(other)


def notices(person: Person) -> list[str]:
    """What the server has told somebody, who has taken the invite."""
    synced = person.get("sync")
    for room_id in synced["rooms"].get("invite", {}):
        person.post("join", room_id)
    found: list[str] = []
    for room_id in person.get("joined_rooms")["joined_rooms"]:
        for event in person.get("rooms", room_id, "messages", dir="b", limit=20)["chunk"]:
            if event["type"] == "m.room.message":
                found.append(event["content"]["body"])
    return found[::-1]


@deed(
    admin_invitation_new="token.create",
    admin_invitation="token.change",
    admin_invitation_delete="token.delete",
    account_join="user.join",
)
def invite_somebody(stage: Stage) -> None:
    owner, friend = stage.owner, stage.hand()
    owner.open("/admin/invitations/")
    owner.follow("New invitation")
    owner.fill("Token", "for-a-friend")
    owner.press("Make the invitation")
    assert is_valid(stage, "for-a-friend")
    owner.fill("How many may use it", "2")
    owner.press("Change the limits")
    link = owner.page.locator(".copy code").first.inner_text()
    friend.page.goto(link)
    friend.fill("User name", "a.friend")
    friend.fill("Password", PASSWORD)
    friend.fill("Password again", PASSWORD)
    friend.press("Make my account")
    friend.open("/account/sign-in/")
    friend.sign_in("account", "a.friend", PASSWORD)
    assert friend.page.url.endswith("/account/")
    owner.open("/admin/invitations/for-a-friend/")
    assert "1 / 2" in owner.page.locator(".facts").inner_text()
    owner.press("Take the invitation back")
    assert not is_valid(stage, "for-a-friend")


def is_valid(stage: Stage, token: str) -> bool:
    path = path_of("v1", "register", "m.login.registration_token", "validity")
    _, data = call(stage.server.base, "GET", path, query={"token": token})
    return b"true" in data


@deed(
    admin_user_data_make="user.export",
    admin_user_data_remove="account.export_remove",
    admin_user_data_cancel="task.cancel",
)
def export_the_data_of_somebody(stage: Stage) -> None:
    person = stage.person()
    make_and_remove_exports(stage, stage.open_user(person, "Export"))


@deed(
    account_data_make="account.export",
    account_data_remove="account.export_remove",
    account_data_cancel="task.cancel",
)
def export_ones_own_data(stage: Stage) -> None:
    hand = stage.signed_in(stage.person())
    hand.follow("Your data")
    make_and_remove_exports(stage, hand)


def make_and_remove_exports(stage: Stage, hand: Hand) -> None:
    """The same on both pages; while the worker has other work, nothing is done too fast to be cancelled."""
    with stage.worker_is_busy():
        hand.press("Make the export")
        hand.press("Cancel the export")
    hand.button("Make the export").wait_for(timeout=60_000)
    hand.press("Make the export")
    hand.page.get_by_role("link", name="Fetch the export").wait_for(timeout=60_000)
    assert hand.fetch("Fetch the export", role="link").startswith("PK")
    hand.press("Remove the export")
    hand.says("The export has been removed.")
    assert not hand.page.get_by_role("link", name="Fetch the export").count()
