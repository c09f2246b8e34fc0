"""What an owner does with the server itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import yaml
from playwright.sync_api import FilePayload

from tests.admin_ui.deeds.files import press_below
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import Stage, eventually
from tests.factories.bridges import registration
from tests.factories.chromium import is_of_waiting
from tests.federation.certificates import Authority
from tests.interop.people import call
from tests.real_server import descendants


@deed(admin_checks_run="checks.run")
def look_again(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/checks/")
    owner.press("Look again")
    eventually(lambda: stage.value("SELECT count(*) FROM check_result"), seconds=120)


@deed(admin_checks_try_alerts="alerts.test")
def test_the_alerts(stage: Stage) -> None:
    before = len(stage.mail.mails)
    stage.owner.open("/admin/checks/")
    stage.owner.press("Test the alerts")
    told = eventually(lambda: stage.mail.mails[before:])
    assert told[0]["To"] == "alerts@example.org"


@deed(admin_check_mute="check.mute", admin_check_unmute="check.unmute")
def mute_a_check_and_be_told_of_it_again(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/checks/")
    owner.follow("Certificates of others")
    owner.fill("Reason", "it is a test")
    owner.press("Mute the check")
    owner.says("The check is muted")
    owner.open("/admin/checks/")
    assert "it is a test" in owner.page.locator("main").inner_text()
    owner.follow("Certificates of others")
    owner.press("Tell of it again")
    owner.open("/admin/checks/")
    assert "it is a test" not in owner.page.locator("main").inner_text()


@deed(admin_settings_section="settings.change", admin_settings_reset="settings.reset")
def change_a_setting_and_take_it_back(stage: Stage) -> None:
    owner, person = stage.owner, stage.owner_person

    def most_bytes() -> int:
        found = person.ask("GET", "/_matrix/client/v1/media/config")
        return int(found["m.upload.size"])

    before = most_bytes()
    owner.open("/admin/settings/")
    owner.follow("Media")
    owner.fill("Max upload bytes", "1234567")
    owner.press("Change the settings")
    eventually(lambda: most_bytes() == 1234567)
    owner.press("Back to the default")
    eventually(lambda: most_bytes() == before)


@deed(admin_settings_certificate="certificate.upload", admin_settings_certificate_remove="certificate.remove")
def upload_a_certificate_and_remove_it(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/settings/")
    owner.follow("Certificate of the proxy")
    hosts = owner.page.locator("main p.help .mono").inner_text().split(", ")
    with TemporaryDirectory() as folder:
        chain, key = Authority(Path(folder)).pair(*hosts, days=90)
    for label, name, content in (
        ("Certificate with its chain (PEM)", "chain.pem", chain),
        ("Its private key (PEM, without a password)", "key.pem", key),
    ):
        file: FilePayload = {"name": name, "mimeType": "application/x-pem-file", "buffer": content}
        owner.page.get_by_label(label).set_input_files(file)
    owner.press("Check and keep it")
    owner.says("The certificate is kept")
    owner.unfold("Remove the certificate")
    press_below(owner, "Remove the certificate")
    owner.says("The certificate has been removed")


@deed(admin_settings_restart="server.restart")
def start_all_processes_anew(stage: Stage) -> None:
    owner, before = stage.owner, set(descendants(stage.server.pid))
    owner.open("/admin/settings/effective/")
    owner.press("Start all processes anew")
    eventually(lambda: not before & set(descendants(stage.server.pid)), seconds=90)
    owner.page.wait_for_url("**/settings/effective/", timeout=90_000)
    owner.says("All processes have started anew")
    # A process that ends may leave a question of the page without an answer: it asks again.
    owner.complaints[:] = [line for line in owner.complaints if not is_of_waiting(line)]


@deed(admin_settings_test_mail="mail.test")
def send_a_mail(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/settings/mail/")
    owner.fill("Send a mail to", "owner@example.org")
    owner.press("Send it")
    assert "A test of" in str(stage.mail.mails[-1]["Subject"])


@deed(admin_support_make="support.bundle", admin_support_fetch="support.fetch")
def make_a_support_bundle(stage: Stage) -> None:
    owner = stage.owner
    owner.open("/admin/support/")
    owner.press("Make a support bundle")
    stage.task_is_done(owner)
    owner.open("/admin/support/")
    name = owner.page.locator(".facts dd.mono").inner_text()
    assert name.endswith(".tar.gz")
    assert owner.fetch("Fetch it")


@deed(admin_task_cancel="task.cancel")
def cancel_a_task(stage: Stage) -> None:
    person, owner = stage.person(), stage.owner
    room_id = stage.room(person)
    event_id = person.say(room_id, "this stays")
    with stage.worker_is_busy():
        owner = stage.open_user(person)
        owner.unfold("Redact all messages")
        press_below(owner, "Redact all messages")
        owner.open("/admin/tasks/")
        owner.follow(f"Redact all messages of {person.user_id}")
        owner.press("Cancel the task")
    owner.page.locator("#state .badge", has_text="cancelled").wait_for(timeout=60_000)
    assert person.event(room_id, event_id)["content"]["body"] == "this stays"


@deed(admin_federation_retry="server.retry")
def ask_a_server_now(stage: Stage) -> None:
    person, peer, owner = stage.person(), stage.peer, stage.owner
    room_id = stage.room(person)
    peer.join(room_id)
    peer.go_away()
    event_id = person.say(room_id, "are you there?")
    eventually(lambda: stage.value("SELECT count(*) FROM destination WHERE failing_since_ts IS NOT NULL"))
    owner.open(f"/admin/federation/{peer.name}/")
    peer.come_back()
    owner.press("Ask it now")
    owner.says("The server answers: Elsewhere")
    eventually(lambda: event_id in peer.accepted)


@deed(admin_federation_test="server.examine")
def try_the_way_to_a_server(stage: Stage) -> None:
    stage.owner.open(f"/admin/federation/test/?name={stage.peer.name}")
    assert stage.owner.page.get_by_text("Every step").count() == 0
    stage.owner.press("Test")
    assert "Other servers reach it" in stage.owner.page.locator("main").inner_text()


@deed(admin_federation_deny="settings.change", admin_federation_allow="settings.change")
def deny_a_server_and_allow_it_again(stage: Stage) -> None:
    person, peer, owner = stage.person(), stage.peer, stage.owner
    room_id = stage.room(person)
    peer.join(room_id)
    first = person.say(room_id, "can you hear me?")
    eventually(lambda: first in peer.accepted)
    owner.open(f"/admin/federation/{peer.name}/")
    owner.unfold("Deny this server")
    owner.type_to_confirm(peer.name)
    press_below(owner, "Deny this server")
    # Other processes than the one that changed the setting learn of it within two seconds.
    asked = f"/_matrix/federation/v1/state_ids/{quote(room_id)}?event_id={quote(first)}"
    eventually(lambda: peer.ask("GET", asked)[0] == 403)
    owner.open(f"/admin/federation/{peer.name}/")
    owner.press("Allow it again")
    heard = person.say(room_id, "can you hear me again?")
    eventually(lambda: heard in peer.accepted)


@deed(
    admin_bridge_new="bridge.add",
    admin_bridge_ping="bridge.ping",
    admin_bridge_pause="bridge.resume",
    admin_bridge_rotate="bridge.rotate_tokens",
    admin_bridge_remove="bridge.remove",
)
def keep_a_bridge(stage: Stage) -> None:
    owner = stage.owner
    text = yaml.safe_dump(registration("irc", "the first token", url=stage.service.address))
    owner.open("/admin/bridges/")
    owner.follow("Add a bridge")
    owner.fill("Its registration (YAML)", text)
    owner.press("Add the bridge")
    assert bridge_is(stage, "the first token")
    owner.press("Ask it now")
    owner.says("The bridge answered after")
    assert any(asked.path.endswith("/ping") for asked in stage.service.asked)
    told = len(transactions(stage))
    owner.press("Pause")
    person = stage.person()
    room_id = stage.room(person, invite=[f"@_irc_ghost:{person.server_name}"])
    owner.press("Go on")
    eventually(lambda: room_id in "".join(transactions(stage)[told:]))
    owner.unfold("New tokens")
    press_below(owner, "New tokens")
    token = yaml.safe_load(owner.page.locator("pre").inner_text())["as_token"]
    assert bridge_is(stage, token)
    assert not bridge_is(stage, "the first token")
    owner.open("/admin/bridges/irc/")
    owner.unfold("Remove the bridge")
    owner.type_to_confirm("irc")
    press_below(owner, "Remove the bridge")
    assert not bridge_is(stage, token)


def bridge_is(stage: Stage, token: str) -> bool:
    """Whether a token is the bridge's."""
    path = "/_matrix/client/v3/account/whoami"
    return call(stage.server.base, "GET", path, token=token)[0].status == 200


def transactions(stage: Stage) -> list[str]:
    return [asked.body.decode() for asked in stage.service.asked if "/transactions/" in asked.path]


@deed(admin_calls_rotate="turn.rotate_secret")
def make_a_new_turn_secret(stage: Stage) -> None:
    owner, person = stage.owner, stage.owner_person

    def password() -> str:
        return str(person.get("voip", "turnServer").get("password", ""))

    owner.open("/admin/settings/turn/")
    owner.fill("Uris", "turn:turn.example.org")
    owner.fill("Secret", "the-first-secret")
    owner.press("Change the settings")
    owner.says("The settings have been changed")
    first = eventually(password)
    owner.open("/admin/calls/")
    owner.unfold("New secret")
    press_below(owner, "New secret")
    assert "static-auth-secret=" in owner.page.locator("pre").inner_text()
    secret = owner.page.locator("pre").inner_text().partition("static-auth-secret=")[2].split()[0]
    assert secret != "the-first-secret"
    eventually(lambda: password() not in ("", first))
