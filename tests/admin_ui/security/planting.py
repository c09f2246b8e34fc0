"""A script in every text that somebody else chooses, on a server whose owner then looks at all pages."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import requests
import yaml
from aiohttp import web

from matrix_app.services.oauth.server_metadata import PREFIX
from tests.admin_ui.deeds.stage import VERSION, Stage, eventually
from tests.factories.bridges import registration
from tests.faults.peer import Call
from tests.filled.apps import SCOPE, metadata_of
from tests.filled.filling import NOBODY, NOTHING, Filled
from tests.interop.people import Person, call, path_of

# Ends attributes and elements of every kind; where it is not escaped, an element is there, and a script runs.
SCRIPT: Final = (
    "\"'><img data-planted src=x onerror=window.planted=1><script>window.planted=1</script>{{7*7}}"
)
# In names where neither colons nor spaces may be, and in what may be 64 characters long at most.
SHORT: Final = "\"'><img/data-planted/src=x/onerror=window.planted=1>"


def plant(stage: Stage) -> Filled:
    """Have somebody write the script wherever they can; what the addresses of the pages may name."""
    mallory, witness = stage.person("mallory"), stage.person("witness")
    names(mallory)
    room_id = a_room(mallory)
    media_id = files(mallory, room_id)
    witness.join(room_id)
    reports(mallory, witness, room_id)
    elsewhere(stage, room_id)
    policy = a_policy_list(stage, mallory)
    a_bridge(stage)
    app, user_code = an_app(stage)
    values = {name: stage.value(f"SELECT max(nid) FROM {name}") for name in ("event_report", "long_task")}
    return Filled(
        owner=stage.owner_person.user_id, tokens={}, device=mallory.device_id, passkey=NOBODY,
        user=stage.user_nid(mallory), user_import=NOBODY, policy=policy, room=stage.room_nid(room_id),
        report=values["event_report"], task=values["long_task"] or NOBODY, invitation=NOTHING,
        server=stage.peer.name, media_server=mallory.server_name, media=media_id, bridge="irc",
        backup=NOTHING, app=app, user_code=user_code,
    )  # fmt: skip


def names(mallory: Person) -> None:
    """Of the user, of devices, and of applications."""
    mallory.put("profile", mallory.user_id, "displayname", body={"displayname": SCRIPT})
    mallory.put("devices", mallory.device_id, body={"display_name": SCRIPT})
    mallory.put("user", mallory.user_id, "account_data", SHORT, body={"said": SCRIPT})
    pusher = {
        "kind": "http",
        "app_id": SHORT,
        "pushkey": SCRIPT,
        "app_display_name": SCRIPT,
        "device_display_name": SCRIPT,
        "profile_tag": SHORT[:32],
        "lang": "en",
        "data": {"url": "https://push.example.org/_matrix/push/v1/notify"},
    }
    mallory.post("pushers", "set", body=pusher)


def a_room(mallory: Person) -> str:
    """Its name, topic, alias, version of history, and state of types that nobody knows."""
    room_id = mallory.create_room(VERSION, name=SCRIPT, topic=SCRIPT, visibility="public")
    alias = f"#{SHORT}:{mallory.server_name}"
    mallory.put("directory", "room", alias, body={"room_id": room_id})
    mallory.set_state(room_id, "m.room.canonical_alias", {"alias": alias})
    mallory.set_state(room_id, SHORT, {SCRIPT: SCRIPT}, SHORT)
    mallory.set_state(room_id, "m.room.join_rules", {"join_rule": "public", "said": SCRIPT})
    mallory.set_state(room_id, "m.room.guest_access", {"guest_access": SHORT})
    return room_id


def files(mallory: Person, room_id: str) -> str:
    """The name of a file; its ID."""
    path = f"/_matrix/media/v3/upload?filename={quote(SCRIPT)}"
    answer, data = call(mallory.base, "POST", path, b"text", token=mallory.token, kind="text/plain")
    assert answer.status == 200, data
    address = yaml.safe_load(data)["content_uri"]
    content = {"msgtype": "m.file", "body": SCRIPT, "filename": SCRIPT, "url": address}
    mallory.put("rooms", room_id, "send", "m.room.message", "1", body=content)
    return str(address).rpartition("/")[2]


def reports(mallory: Person, witness: Person, room_id: str) -> None:
    """Reasons of reports: of a user, a room and a message, which is the newest."""
    event_id = mallory.say(room_id, SCRIPT)
    witness.post("users", mallory.user_id, "report", body={"reason": SCRIPT})
    witness.ask("POST", path_of("v3", "rooms", room_id, "report"), {"reason": SCRIPT})
    witness.post("rooms", room_id, "report", event_id, body={"reason": SCRIPT})


def elsewhere(stage: Stage, room_id: str) -> None:
    """What another server says: the name of a user, and of its software."""

    async def version(_call: Call) -> web.StreamResponse:
        return web.json_response({"server": {"name": SCRIPT, "version": SCRIPT}})

    stage.peer.answers["version"] = version
    stage.peer.user_id = f"@{SHORT}:{stage.peer.name}"
    stage.peer.join(room_id)


def a_policy_list(stage: Stage, mallory: Person) -> int:
    """A list that the owner follows, with whom it means and why."""
    listed = stage.room(mallory, room_alias_name="hostile", name=SCRIPT)
    for kind, entity in (("user", f"@{SHORT}:*"), ("server", SHORT), ("room", f"!{SHORT}:example.org")):
        rule = {"entity": entity, "recommendation": "m.ban", "reason": SCRIPT}
        mallory.set_state(listed, f"m.policy.rule.{kind}", rule, SHORT)
    owner = stage.owner
    owner.open("/admin/policies/subscribe/")
    owner.fill("Alias or ID of the room", f"#hostile:{mallory.server_name}")
    owner.press("Follow the list")
    owner.press("Look whom it means here")
    stage.task_is_done(owner)
    return int(stage.value("SELECT max(nid) FROM policy_list"))


def an_app(stage: Stage) -> tuple[str, str]:
    """An app that calls itself so, and a device with it that waits to be let in."""
    base = f"{stage.server.base}{PREFIX}"
    registered = requests.post(f"{base}/register", json=metadata_of(SCRIPT), timeout=30).json()
    form = {"client_id": registered["client_id"], "scope": SCOPE}
    waiting = requests.post(f"{base}/device", data=form, timeout=30).json()
    return registered["client_id"], waiting["user_code"]


def a_bridge(stage: Stage) -> None:
    """A bridge that answers with errors of its own words."""
    stage.service.status, stage.service.answer = 500, SCRIPT.encode()
    owner = stage.owner
    owner.open("/admin/bridges/new/")
    text = yaml.safe_dump(registration("irc", "its-token", url=stage.service.address))
    owner.fill("Its registration (YAML)", text)
    owner.press("Add the bridge")
    stage.room(stage.person(), invite=[f"@_irc_ghost:{stage.owner_person.server_name}"])
    eventually(
        lambda: stage.value("SELECT failing_since_ts FROM appservice_progress WHERE failing_since_ts > 0")
    )
