"""Adding, changing and removing application services while the server runs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from matrix_app.http import rate_limit
from matrix_app.protocol.errors import Conflict, InvalidParam, NotFound
from matrix_app.services import appservice_admin
from tests.factories.bridges import TOKEN, make_ghost, registration, write_registration
from tests.factories.settings import settings
from tests.factories.visitor import ask, get

pytestmark = pytest.mark.django_db(transaction=True)


def text_of(name: str = "late", token: str = "late token", **changed: object) -> str:
    return orjson.dumps(registration(name, token, **changed)).decode()


def test_an_added_service_acts_at_once_and_no_more_when_it_is_removed() -> None:
    appservice_admin.add(text_of())
    assert make_ghost("_late_ben", "late token").startswith("@_late_ben:")
    appservice_admin.remove("late")
    assert get("/account/whoami", token="late token").errcode == "M_UNKNOWN_TOKEN"
    with pytest.raises(NotFound):
        appservice_admin.remove("late")


def test_an_added_service_can_be_changed_and_keeps_its_place() -> None:
    appservice_admin.add(text_of())
    [before] = appservice_admin.states()
    appservice_admin.add(text_of(token="new token"))
    assert appservice_admin.states() == [before]
    assert get("/account/whoami", token="new token").status == 200
    assert get("/account/whoami", token="late token").status == 401


@pytest.mark.parametrize("text", ["", "{", "a: [", "id: only", "x" * 200_000, "- list"])
def test_what_is_no_registration_is_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        appservice_admin.add(text)


def test_ids_and_tokens_are_unique_and_configured_services_stand_above(tmp_path: Path) -> None:
    files = (write_registration(tmp_path),)
    with settings(app_services={"registration_files": files}):
        with pytest.raises(Conflict):
            appservice_admin.add(text_of("bridge", "another token"))
        with pytest.raises(Conflict):
            appservice_admin.add(text_of("another", TOKEN))
        appservice_admin.add(text_of())
        with pytest.raises(NotFound):
            appservice_admin.remove("bridge")
        assert [(state.id, state.is_configured) for state in appservice_admin.states()] == [
            ("bridge", True),
            ("late", False),
        ]


def test_a_service_that_wants_to_be_told_nothing_cannot_be_paused() -> None:
    appservice_admin.add(text_of(url=None))
    [state] = appservice_admin.states()
    assert state.behind is None
    for service_id in ("late", "unknown"):
        with pytest.raises(NotFound):
            appservice_admin.set_paused(service_id, True)


@pytest.mark.parametrize(("rate_limited", "statuses"), [(True, {200, 429}), (False, {200})])
def test_rate_limits_are_for_whom_the_registration_says(rate_limited: bool, statuses: set[int]) -> None:
    appservice_admin.add(text_of(rate_limited=rate_limited))
    ghost = make_ghost("_late_ben", "late token")
    rate_limit.reset()
    with settings(rate_limits={"enabled": True}):

        def send(query: str) -> set[int]:
            body = {"displayname": "x"}
            user_id = ghost if query else f"@late_bot:{ghost.partition(':')[2]}"
            path = f"/profile/{user_id}/displayname{query}"
            return {ask("PUT", path, body, token="late token").status for _ in range(230)}

        assert send(f"?user_id={ghost}") == statuses
        assert send("") == {200}, "the service's own user has none"
