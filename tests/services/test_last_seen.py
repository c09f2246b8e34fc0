"""When devices were last seen."""

from __future__ import annotations

import threading
import time

from django.db import connection

from matrix_app.services import last_seen
from matrix_app.storage import db
from tests.factories.client import ClientFactory


def test_processes_that_saw_the_same_users_do_not_wait_for_one_another(clients: ClientFactory) -> None:
    last_seen.flush()
    users = [client.requester for client in clients.many(2)]
    faults: list[Exception] = []

    def write() -> None:
        try:
            last_seen.flush()
        except Exception as error:  # noqa: BLE001  (told to the test)
            faults.append(error)
        finally:
            connection.close()

    # In another order than that in which the other process, which is this thread, goes through them.
    for user in reversed(users):
        last_seen.saw(user.user_nid, user.device_nid, "192.0.2.7", "Agent")
    thread = threading.Thread(target=write)
    with db.write():
        for user in users:
            db.execute("UPDATE account SET last_active_ts = 1 WHERE user_nid = %s", (user.user_nid,))
            if not thread.is_alive():
                thread.start()
                # Until it waits for the account, or for the one writer of SQLite.
                time.sleep(0.3)
    thread.join(10)
    assert faults == []
    assert db.rows("SELECT DISTINCT last_seen_ip FROM device") == [("192.0.2.7",)]
