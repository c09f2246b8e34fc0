"""What people do on the pages of their own account."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload

from tests.admin_ui.deeds.files import PNG
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import PASSWORD, Stage, eventually
from tests.admin_ui.deeds.users import log_in, refusal
from tests.interop.keys import CrossSigningKeys
from tests.interop.people import Refused

NEW_PASSWORD = "an entirely new sentence"


@deed(account_profile="account.change_profile", account_picture_set="account.change_profile")
def show_another_name_and_picture(stage: Stage) -> None:
    person, witness = stage.person(), stage.person()
    hand = stage.signed_in(person)
    hand.follow("Profile")
    hand.fill("Display name", "Pia of the pages")
    hand.press("Change the name")
    assert witness.get("profile", person.user_id)["displayname"] == "Pia of the pages"
    picture = FilePayload(name="me.png", mimeType="image/png", buffer=PNG)
    hand.page.get_by_label("Another picture").set_input_files(picture)
    hand.press("Change the picture")
    assert witness.get("profile", person.user_id)["avatar_url"].startswith("mxc://")
    hand.press("Remove the picture")
    assert "avatar_url" not in witness.get("profile", person.user_id)


@deed(account_address_add="account.add_address", account_address_remove="account.remove_address")
def add_and_remove_a_mail_address(stage: Stage) -> None:
    person = stage.person()
    hand = stage.signed_in(person)
    hand.follow("Profile")
    hand.fill("Another mail address", "pia@example.org")
    hand.press("Send me a link")
    mail = eventually(lambda: [mail for mail in stage.mail.mails if "pia@example.org" in str(mail["To"])])
    assert mail
    hand.open(stage.mail.last_link())
    hand.press("Add it to my account")
    assert [row["address"] for row in person.get("account", "3pid")["threepids"]] == ["pia@example.org"]
    hand.press("Remove")
    assert person.get("account", "3pid")["threepids"] == []


@deed(
    account_device_rename="account.rename_device",
    account_device_delete="user.remove_devices",
    account_devices="user.remove_devices",
)
def rename_and_sign_out_devices(stage: Stage) -> None:
    person = stage.person()
    second, third = person.second_device(), person.second_device()
    hand = stage.signed_in(person)
    hand.follow(second.device_id)
    hand.fill("Name of the device (others see it)", "Old laptop")
    hand.press("Rename")
    assert person.get("devices", second.device_id)["display_name"] == "Old laptop"
    hand.unfold("Sign this device out")
    with hand.page.expect_navigation():
        hand.page.locator("form.consequence button.danger").click()
    assert refusal(second) == "M_UNKNOWN_TOKEN"
    hand.check(f"Choose {third.device_id}")
    hand.press("Sign out the chosen devices")
    assert refusal(third) == "M_UNKNOWN_TOKEN"
    assert refusal(person) is None


@deed(account_encryption="user.allow_cross_signing_reset")
def allow_a_new_identity(stage: Stage) -> None:
    person = stage.person()
    CrossSigningKeys(person).upload()
    with pytest.raises(Refused, match=r"m\.login\.password"):
        CrossSigningKeys(person).upload()
    hand = stage.signed_in(person)
    hand.follow("Identity")
    hand.unfold("Reset the identity")
    hand.press("Allow a new identity")
    CrossSigningKeys(person).upload()


@deed(account_session_end="session.end")
def sign_another_browser_out(stage: Stage) -> None:
    person = stage.person()
    hand, other = stage.signed_in(person), stage.signed_in(person)
    hand.open("/account/")
    hand.press("End")
    other.open("/account/")
    assert "/account/sign-in/" in other.page.url


@deed(account_sessions_end_others="session.end_others")
def sign_all_other_browsers_out(stage: Stage) -> None:
    person = stage.person()
    hand, other = stage.signed_in(person), stage.signed_in(person)
    hand.open("/account/")
    hand.press("End all others")
    hand.says("1 other session has ended.")
    other.open("/account/")
    assert "/account/sign-in/" in other.page.url


@deed(account_password="account.change_password")
def change_ones_password(stage: Stage) -> None:
    person = stage.person()
    hand = stage.signed_in(person)
    hand.follow("Password")
    hand.fill("Present password", PASSWORD)
    hand.fill("New password", NEW_PASSWORD)
    hand.fill("New password again", NEW_PASSWORD)
    hand.check("Sign me out on all my devices")
    hand.press("Change the password")
    assert refusal(person) == "M_UNKNOWN_TOKEN"
    assert log_in(stage, person.user_id, NEW_PASSWORD)


@deed(account_deactivate="user.deactivate")
def end_ones_account(stage: Stage) -> None:
    person = stage.person()
    hand = stage.signed_in(person)
    hand.follow("End the account")
    hand.type_to_confirm(person.user_id)
    hand.press("End my account")
    hand.says("Your account has been deactivated.")
    assert refusal(person) == "M_UNKNOWN_TOKEN"
    with pytest.raises(Refused):
        log_in(stage, person.user_id, PASSWORD)


@deed(account_language=None)
def read_another_language(stage: Stage) -> None:
    hand = stage.hand()
    hand.open("/account/sign-in/")
    hand.press("Deutsch")
    assert hand.page.locator("h1").inner_text() == "Anmelden"
    hand.press("Français")
    assert hand.page.locator("html").get_attribute("lang") == "fr"
