"""How people come in, prove who they are, and leave; in both areas."""

from __future__ import annotations

from tests.admin_ui.deeds.hand import Hand
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import PASSWORD, Stage
from tests.factories.browser import code_of
from tests.factories.phone import Phone
from tests.interop.people import Person

AREAS = ("admin", "account")


def sign_out(hand: Hand, area: str) -> None:
    hand.open(f"/{area}/")
    hand.press("Sign out")
    hand.open(f"/{area}/")
    assert f"/{area}/sign-in/" in hand.page.url


def is_in(hand: Hand, area: str) -> bool:
    return hand.page.url.partition("?")[0].endswith(f"/{area}/")


@deed(
    admin_sign_in="session.start",
    admin_second_factor="session.start",
    admin_confirm="session.confirm",
    admin_sign_out="session.end",
    account_sign_in="session.start",
    account_second_factor="session.start",
    account_confirm="session.confirm",
    account_sign_out="session.end",
    account_second_factor_add="second_factor.add",
    account_recovery_codes="second_factor.new_codes",
    account_second_factor_remove="second_factor.remove",
)
def come_in_with_an_app(stage: Stage) -> None:
    person = stage.person("pat", admin=True)
    hand = stage.signed_in(person)
    assert is_in(hand, "account")
    hand.follow("Second factor")
    hand.press("Add an authenticator app")
    secret = hand.page.locator(".copy code").inner_text()
    hand.fill("The six digits that the app shows", code_of(secret))
    hand.press("Confirm")
    hand.follow("I have kept them")
    hand.press("Make new recovery codes")
    codes = hand.page.locator(".codes code").all_inner_texts()
    for area in AREAS:
        if area == "account":
            sign_out(hand, area)
        hand.sign_in(area, person.user_id, PASSWORD)
        hand.fill("Code", codes.pop())
        hand.press("Go on")
        assert is_in(hand, area)
        hand.open(f"/{area}/confirm/")
        hand.fill("Password", PASSWORD)
        hand.press("Confirm")
        assert is_in(hand, area)
    sign_out(hand, "admin")
    hand.open("/account/second-factors/")
    hand.press("Remove the app")
    hand.says("The authenticator app has been removed.")
    hand.sign_in("admin", person.user_id, PASSWORD)
    assert is_in(hand, "admin")


@deed(
    account_passkey_begin="passkey.add",
    account_passkey_add="passkey.add",
    account_passkey_rename="passkey.rename",
    account_passkey_remove="passkey.remove",
    admin_passkey_begin_sign_in="session.start",
    admin_passkey_sign_in="session.start",
    admin_passkey_begin_second_factor="session.start",
    admin_passkey_second_factor="session.start",
    admin_passkey_begin_confirm="session.confirm",
    admin_passkey_confirm="session.confirm",
    account_passkey_begin_sign_in="session.start",
    account_passkey_sign_in="session.start",
    account_passkey_begin_second_factor="session.start",
    account_passkey_second_factor="session.start",
    account_passkey_begin_confirm="session.confirm",
    account_passkey_confirm="session.confirm",
)
def come_in_with_a_passkey(stage: Stage) -> None:
    person = stage.person("kay", admin=True)
    hand = stage.hand()
    Phone(hand.page)
    hand.sign_in("account", person.user_id, PASSWORD)
    hand.follow("Second factor")
    hand.fill("Name of the passkey", "My phone")
    hand.press("Add a passkey")
    hand.follow("I have kept them")
    hand.page.get_by_label("Name of My phone").fill("Blue phone")
    hand.press("Rename")
    assert hand.page.locator(".passkeys b").inner_text() == "Blue phone"
    for area in AREAS:
        use_it_in_every_way(hand, area, person)
    hand.open("/account/second-factors/")
    hand.press("Remove Blue phone")
    hand.says("The passkey has been removed.")
    sign_out(hand, "account")
    hand.sign_in("account", person.user_id, PASSWORD)
    assert is_in(hand, "account")


def use_it_in_every_way(hand: Hand, area: str, person: Person) -> None:
    if area == "account":
        sign_out(hand, area)
    hand.open(f"/{area}/sign-in/")
    hand.press("Sign in with a passkey")
    assert is_in(hand, area)
    hand.open(f"/{area}/confirm/")
    hand.press("Confirm with a passkey")
    assert is_in(hand, area)
    sign_out(hand, area)
    hand.sign_in(area, person.user_id, PASSWORD)
    assert "/second-factor/" in hand.page.url
    hand.press("Use a passkey")
    assert is_in(hand, area)
