"""Where clients want notifications to be pushed."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import UnknownToken
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.pushers import PusherSpec, pushers_of, set_pusher
from tests.factories.client import ClientFactory


def test_nothing_is_pushed_to_a_device_that_is_signed_out_meanwhile(clients: ClientFactory) -> None:
    alice = clients.make()
    spec = PusherSpec(
        app_id="example.app",
        pushkey="key",
        kind="http",
        app_display_name="App",
        device_display_name="Phone",
        lang="en",
        data={"url": "https://push.example/_matrix/push/v1/notify"},
    )
    # Who makes a request is found before its pusher is stored, and the device may go in between.
    delete_devices(alice.requester.user_nid, ["DEVICE"])
    with pytest.raises(UnknownToken):
        set_pusher(alice.requester, spec)
    assert pushers_of(alice.requester.user_nid) == []
