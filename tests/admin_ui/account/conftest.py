"""Somebody who is signed in to the pages of their own account, and what they have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.mail_server import MailServer, mail_server
from tests.factories.settings import settings


@pytest.fixture
def person() -> Account:
    """Whose account it is."""
    return make_account("pia")


@pytest.fixture
def browser(person: Account) -> Browser:
    """Their browser."""
    visitor = Browser()
    visitor.sign_in(person, area="account")
    return visitor


@pytest.fixture
def phone(person: Account, clients: ClientFactory) -> Client:
    """Their client."""
    return clients.sign_in(person)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """Where mails arrive."""
    with mail_server() as server, settings(mail=server.settings):
        yield server
