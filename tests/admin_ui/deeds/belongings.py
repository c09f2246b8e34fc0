"""What an owner does with what belongs to accounts: pushers and addresses."""

from __future__ import annotations

from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage


@deed(admin_user_pushers_remove="user.remove_pusher")
def remove_a_pusher(stage: Stage) -> None:
    person = stage.person()
    pusher = {
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": "key",
        "app_display_name": "App",
        "device_display_name": "Phone",
        "lang": "en",
        "data": {"url": "https://push.example.org/_matrix/push/v1/notify"},
    }
    person.post("pushers", "set", body=pusher)
    assert len(person.get("pushers")["pushers"]) == 1
    stage.open_user(person, "Pushers").press("Remove")
    assert person.get("pushers")["pushers"] == []


@deed(admin_user_addresses_add="user.set_addresses", admin_user_addresses_remove="user.set_addresses")
def add_and_remove_an_address(stage: Stage) -> None:
    person = stage.person()
    owner = stage.open_user(person, "Addresses")
    owner.fill("Another mail address", "somebody@example.org")
    owner.press("Add")
    known = person.get("account", "3pid")["threepids"]
    assert [row["address"] for row in known] == ["somebody@example.org"]
    owner.press("Remove")
    assert person.get("account", "3pid")["threepids"] == []
