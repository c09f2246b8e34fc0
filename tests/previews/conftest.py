"""What tests of previews share: a web site that may be fetched from, and one in the private network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from appliance.config import Config, get_config
from matrix_app.federation.resolver import AddressLookup
from matrix_app.previews.web import Web
from tests.factories.web_site import WebSite
from tests.federation.fakes import Addresses

# Stands for a public address; 127.0.0.1, ::1 and all the others are private.
PUBLIC = "127.0.0.5"
NAMES = {"site.example": [PUBLIC], "inside.example": ["127.0.0.1"], "both.example": ["127.0.0.1", PUBLIC]}


def preview_config(**previews: Any) -> Config:
    """The configuration with other settings of previews."""
    config = get_config()
    wanted = {"allowed_networks": (f"{PUBLIC}/32",), "ports": (), "timeout_seconds": 5, **previews}
    media = replace(config.media, url_previews=True, previews=replace(config.media.previews, **wanted))
    return replace(config, media=media)


@asynccontextmanager
async def a_web(lookup: AddressLookup | None = None, **previews: Any) -> AsyncIterator[Web]:
    """A client under other settings."""
    web = Web(preview_config(**previews), lookup or Addresses(NAMES))
    try:
        yield web
    finally:
        await web.close()


@pytest.fixture
async def site() -> AsyncIterator[WebSite]:
    """A web site that may be fetched from, as site.example."""
    async with WebSite().running(PUBLIC) as running:
        yield running


@pytest.fixture
async def inside() -> AsyncIterator[WebSite]:
    """A service of the private network, which nobody may reach."""
    async with WebSite().running("127.0.0.1") as running:
        running.pages.clear()
        yield running
        assert running.asked == []
