"""What tests of the checks have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories.mail_server import MailServer, mail_server
from tests.factories.settings import settings


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A mailbox of the owner's, and no other way to tell."""
    with (
        mail_server() as server,
        settings(mail=server.settings, alerts={"mail_to": ("owner@example.org",), "matrix": False}),
    ):
        yield server
