"""What an owner does with accounts."""

from __future__ import annotations

import pytest

from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import PASSWORD, Stage, eventually
from tests.interop.people import Person, Refused


def log_in(stage: Stage, user_id: str, password: str) -> Person:
    """Sign in with a client; raises `Refused`."""
    nobody = Person(stage.server.base, user_id, "", "")
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": password,
    }
    made = nobody.post("login", body=body)
    return Person(stage.server.base, made["user_id"], made["access_token"], made["device_id"])


def refusal(person: Person) -> str | None:
    """With which error a client is refused; None when it is not."""
    try:
        person.get("account", "whoami")
    except Refused as refused:
        return str(refused.errcode)
    return None


@deed(admin_user_new="user.create")
def make_an_account(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/users/")
    owner.follow("New user")
    owner.fill("User name", "newcomer")
    owner.fill("Display name", "New Comer")
    owner.press("Make the account")
    user_id, password = owner.page.locator("dd code").all_inner_texts()
    person = log_in(stage, user_id, password)
    assert person.get("profile", user_id)["displayname"] == "New Comer"


@deed(admin_user_lock="user.unlock")
def lock_and_unlock(stage: Stage) -> None:
    person = stage.person()
    owner = stage.open_user(person)
    owner.press("Lock the account")
    owner.says("The account is locked.")
    assert refusal(person) == "M_USER_LOCKED"
    owner.press("Open the account again")
    assert refusal(person) is None


@deed(admin_user_limits="user.own_rate", admin_user_limits_remove="user.usual_rate")
def give_a_rate_limit(stage: Stage) -> None:
    person = stage.person()
    column = f"SELECT messages_burst FROM account WHERE user_nid = {stage.user_nid(person)}"
    owner = stage.open_user(person, "Rate limits")
    owner.fill("Messages a second", "7")
    owner.fill("Messages at once", "70")
    owner.press("Let this hold")
    owner.says("The limit holds from now on.")
    assert stage.value(column) == 70
    owner.press("As for everybody")
    owner.says("The limits of everybody hold again.")
    assert stage.value(column) is None


@deed(admin_user_suspend="user.suspend")
def suspend(stage: Stage) -> None:
    person = stage.person()
    room = stage.room(person)
    stage.open_user(person).press("Suspend: read and leave only")
    with pytest.raises(Refused, match="M_USER_SUSPENDED"):
        person.say(room, "anybody here?")


@deed(admin_user_admin="user.set_admin")
def make_an_administrator(stage: Stage) -> None:
    person = stage.person()
    stage.open_user(person).press("Make administrator")
    asked = person.ask("GET", f"/_synapse/admin/v1/users/{person.user_id}/admin")
    assert asked == {"admin": True}


@deed(admin_user_password="user.set_password")
def set_a_password(stage: Stage) -> None:
    person = stage.person()
    owner = stage.open_user(person, "Password")
    owner.fill("New password", "quite another sentence")
    owner.press("Set the password")
    owner.says("The password has been changed.")
    assert refusal(person) == "M_UNKNOWN_TOKEN"
    assert log_in(stage, person.user_id, "quite another sentence")


@deed(admin_user_sign_out="user.sign_out")
def sign_out_everywhere(stage: Stage) -> None:
    person = stage.person()
    other = person.second_device()
    stage.open_user(person).press("Sign out everywhere")
    assert refusal(person) == refusal(other) == "M_UNKNOWN_TOKEN"


@deed(admin_user_remove_devices="user.remove_devices")
def sign_a_device_out(stage: Stage) -> None:
    person = stage.person()
    other = person.second_device()
    owner = stage.open_user(person, "Devices")
    owner.check(f"Choose {other.device_id}")
    owner.press("Sign out the chosen devices")
    assert refusal(other) == "M_UNKNOWN_TOKEN"
    assert refusal(person) is None


@deed(admin_user_rename_device="user.rename_device")
def rename_a_device(stage: Stage) -> None:
    person = stage.person()
    owner = stage.open_user(person, "Devices")
    owner.choose("Device", person.device_id)
    owner.fill("Name of the device (others see it)", "Kitchen tablet")
    owner.press("Rename")
    assert person.get("devices", person.device_id)["display_name"] == "Kitchen tablet"


@deed(admin_user_deactivate="user.deactivate")
def deactivate(stage: Stage) -> None:
    person = stage.person()
    owner = stage.open_user(person)
    owner.unfold("Deactivate the account")
    owner.page.get_by_label("Erase as well").check()
    owner.type_to_confirm(person.user_id)
    owner.press("Deactivate")
    assert refusal(person) == "M_UNKNOWN_TOKEN"
    with pytest.raises(Refused, match="M_FORBIDDEN"):
        log_in(stage, person.user_id, PASSWORD)


@deed(admin_user_redact="task.start")
def redact_everything(stage: Stage) -> None:
    person, witness = stage.person(), stage.person()
    room = stage.room(person)
    witness.join(room)
    event_id = person.say(room, "something unkind")
    owner = stage.open_user(person)
    owner.unfold("Redact all messages")
    owner.press("Redact")
    eventually(lambda: witness.event(room, event_id)["content"] == {})


@deed(admin_user_reset_second_factor="user.reset_second_factor")
def remove_a_second_factor(stage: Stage) -> None:
    person = stage.person()
    nid = stage.user_nid(person)
    stage.database.run(
        "INSERT INTO totp_device (user_nid, sealed_secret, confirmed_ts, last_step)"
        f" VALUES ({nid}, x'00', 1, 0)"
    )
    stage.open_user(person).press("Remove the second factor")
    assert stage.signed_in(person).page.url.endswith("/account/")
