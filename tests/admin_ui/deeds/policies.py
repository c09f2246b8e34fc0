"""What an owner does with policy lists."""

from __future__ import annotations

from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage, eventually
from tests.interop.people import Person, Refused


def is_refused(person: Person, room_id: str, user_id: str) -> bool:
    """Whether an invite is."""
    try:
        person.act("invite", room_id, user_id=user_id)
    except Refused as refused:
        return refused.status == 403
    return False


@deed(
    admin_policy_subscribe="policy.subscribe",
    admin_policy_look="task.start",
    admin_policy_configure="policy.configure",
    admin_policy_join="policy.join",
    admin_policy_unsubscribe="policy.unsubscribe",
)
def follow_a_list(stage: Stage) -> None:
    keeper, person, owner = stage.person(), stage.person(), stage.owner
    evil, room_id = f"@evil:{stage.peer.name}", stage.room(person)
    listed = stage.room(keeper, room_alias_name="bad-people", name="Bad people")
    ban = {"entity": evil, "recommendation": "m.ban", "reason": "spam"}
    keeper.set_state(listed, "m.policy.rule.user", ban, f"rule:{evil}")
    owner.open("/admin/policies/")
    owner.follow("Follow a list")
    owner.fill("Alias or ID of the room", f"#bad-people:{keeper.server_name}")
    owner.press("Follow the list")
    address = owner.page.url.removeprefix(owner.base)
    owner.press("Look whom it means here")
    stage.task_is_done(owner)
    owner.open(address)
    owner.page.get_by_label("Apply this list").check()
    owner.page.get_by_label("Invites that wait already").check()
    owner.press("Save")
    eventually(lambda: is_refused(person, room_id, evil))
    own_user = str(stage.value("SELECT user_id FROM matrix_user WHERE user_id LIKE '@hearth%'"))
    keeper.act("kick", listed, user_id=own_user)
    owner.open(address)
    owner.press("Join the room again")
    eventually(lambda: keeper.membership(listed, own_user) == "join")
    owner.open(address)
    owner.press("Follow the list no longer")
    eventually(lambda: not is_refused(person, room_id, evil))


@deed(
    admin_policy_own="policy.make_own",
    admin_policy_rules_add="policy.add_rule",
    admin_policy_rules_remove="policy.remove_rule",
)
def write_a_list(stage: Stage) -> None:
    person, owner = stage.person(), stage.owner
    room_id, worse = stage.room(person), f"@worse:{stage.peer.name}"
    owner.open("/admin/policies/")
    owner.check("Anybody may join the room, read the rules and follow them")
    owner.press("Make the list")
    owner.fill("Whom or what (* and ? stand for anything)", f"@wors?:{stage.peer.name}")
    owner.fill("Reason (who follows the list sees it)", "worse than evil")
    owner.press("Add the rule")
    eventually(lambda: is_refused(person, room_id, worse))
    own_list = str(stage.value("SELECT room_id FROM policy_list WHERE is_own"))
    person.join(own_list)
    rules = [event for event in person.get("rooms", own_list, "state") if "policy.rule" in event["type"]]
    assert [rule["content"]["reason"] for rule in rules] == ["worse than evil"]
    owner.press("Take back")
    eventually(lambda: not is_refused(person, room_id, worse))
