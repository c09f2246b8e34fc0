"""How people let apps in, and register on the way to one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from matrix_app.services.oauth.server_metadata import PREFIX
from tests.admin_ui.deeds.registry import deed
from tests.admin_ui.deeds.stage import PASSWORD, Stage, eventually
from tests.filled.apps import SCOPE, metadata_of, parameters_of


def posted(stage: Stage, name: str, **given: Any) -> Any:
    answer = requests.post(f"{stage.server.base}{PREFIX}/{name}", timeout=30, **given)
    assert answer.ok, answer.text
    return answer.json()


@deed(account_register="user.register", account_authorize="account.allow_app")
def register_and_let_an_app_in(stage: Stage) -> None:
    app = posted(stage, "register", json=metadata_of("Pigeon"))
    callback = f"http://127.0.0.1:{urlsplit(stage.service.address).port}/callback"
    hand, before = stage.hand(), len(stage.service.asked)
    given = parameters_of(app["client_id"], callback)
    hand.open(f"/account/authorize/?{urlencode({**given, 'prompt': 'create'})}")
    hand.fill("User name", "pia.of.the.app")
    hand.fill("Password", PASSWORD)
    hand.fill("Password again", PASSWORD)
    hand.press("Make my account")
    hand.press("Sign in")
    arrived = [asked.path for asked in stage.service.asked[before:] if asked.path.startswith("/callback?")]
    assert len(arrived) == 1, hand.page.url
    assert "code=" in arrived[0]


@deed(account_register_mail="user.register", account_register_mail_again=None)
def register_with_a_mail_address(stage: Stage) -> None:
    hand = stage.hand()
    hand.open("/account/register/")
    hand.fill("User name", "max.of.the.mail")
    hand.fill("Password", PASSWORD)
    hand.fill("Password again", PASSWORD)
    hand.fill("Mail address, if you like", "wrong@example.org")
    hand.press("Make my account")
    hand.fill("Mail address", "max@example.org")
    hand.press("Send another mail")
    hand.says("Another mail is on its way.")
    eventually(lambda: "max@example.org" in str(stage.mail.mails[-1]["To"]))
    mailed = stage.server.base + stage.mail.last_link()
    assert requests.get(mailed, timeout=30, allow_redirects=False).status_code == 302
    hand.press("Make my account")
    assert "/account/" in hand.page.url
    medium = "SELECT address FROM threepid WHERE address = 'max@example.org'"
    assert stage.value(medium) == "max@example.org"


@deed(account_app="account.allow_app")
def let_an_older_app_in(stage: Stage) -> None:
    person = stage.person()
    callback = f"http://127.0.0.1:{urlsplit(stage.service.address).port}/older"
    hand, before = stage.signed_in(person), len(stage.service.asked)
    path = f"/_matrix/client/v3/login/sso/redirect?{urlencode({'redirectUrl': callback})}"
    hand.page.goto(stage.server.public_base + path)
    hand.press("Sign in")
    arrived = [asked.path for asked in stage.service.asked[before:] if asked.path.startswith("/older?")]
    token = arrived[0].partition("loginToken=")[2]
    body = {"type": "m.login.token", "token": token}
    answer = requests.post(f"{stage.server.base}/_matrix/client/v3/login", json=body, timeout=30)
    assert answer.json()["user_id"] == person.user_id


@deed(account_link="account.allow_app")
def let_a_device_in(stage: Stage) -> None:
    app = posted(stage, "register", json=metadata_of("Pigeon"))
    person = stage.person()
    waiting = posted(stage, "device", data={"client_id": app["client_id"], "scope": SCOPE})
    hand = stage.signed_in(person)
    hand.open("/account/link/")
    hand.fill("Code", waiting["user_code"])
    hand.press("Go on")
    hand.press("Let it in")
    hand.says("The device signs in now")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": app["client_id"]}
    tokens = posted(stage, "token", data={**form, "device_code": waiting["device_code"]})
    assert tokens["scope"] == SCOPE
    assert "KITCHEN" in [device["device_id"] for device in person.get("devices")["devices"]]
