"""Whether another copy of this server answers under its name."""

from __future__ import annotations

import pytest

from appliance.diagnostics.checks.backup import twin
from appliance.diagnostics.own_names import own_names
from appliance.diagnostics.result import Status
from matrix_app.services.after_restore import after_restore
from matrix_app.services.audit import CLI
from tests.factories.client import ClientFactory
from tests.factories.outside import fake_outside
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_copy_that_was_restored_is_told_from_the_one_that_answers(clients: ClientFactory) -> None:
    answered = clients.make().get("/_hearth/instance").body
    with settings(server={"public_baseurl": "https://matrix.hearth.example"}), fake_outside() as network:
        names = own_names()
        assert names is not None
        address = f"{names.base}/_hearth/instance"
        assert twin().status is Status.ERROR, "nothing answers"
        network.say(address, {}, status=404)
        assert twin().status is Status.UNKNOWN
        network.say(address, answered)
        assert twin().status is Status.OK
        after_restore(CLI, "2026-01-02T030405Z", 1)
        found = twin()
        assert found.status is Status.ERROR
        assert "Another copy of this server" in found.summary
