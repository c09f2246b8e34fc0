"""Who looks at the pages."""

from __future__ import annotations

import pytest

from tests.factories.accounts import make_account
from tests.factories.browser import Browser


@pytest.fixture
def browser() -> Browser:
    """The browser of an administrator who is signed in."""
    visitor = Browser()
    visitor.sign_in(make_account("owner", admin=True))
    return visitor
