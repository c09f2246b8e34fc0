"""Sites whose pages say nothing to machines, but which describe them elsewhere (oEmbed)."""

from __future__ import annotations

import re
from typing import Any, Final

from yarl import URL

# Hosts and paths of pages, and where they are described.
_PROVIDERS: Final = (
    (re.compile(r"(www\.|mobile\.)?(twitter|x)\.com/[^/]+/status/.+"), "https://publish.x.com/oembed"),
    (re.compile(r"(www\.|m\.)?youtube\.com/(watch|shorts/|playlist).*"), "https://www.youtube.com/oembed"),
    (re.compile(r"youtu\.be/.+"), "https://www.youtube.com/oembed"),
    (re.compile(r"(www\.)?vimeo\.com/.+"), "https://vimeo.com/api/oembed.json"),
    (re.compile(r"(www\.)?tiktok\.com/@[^/]+/video/.+"), "https://www.tiktok.com/oembed"),
    (re.compile(r"open\.spotify\.com/.+"), "https://open.spotify.com/oembed"),
    (re.compile(r"(www\.)?soundcloud\.com/.+"), "https://soundcloud.com/oembed"),
)


def description_of(url: URL) -> URL | None:
    """Where the site of a page describes it; None for sites whose pages do so themselves."""
    place = f"{url.host}{url.path}"
    for pattern, endpoint in _PROVIDERS:
        if pattern.fullmatch(place):
            return URL(endpoint).with_query({"url": str(url), "format": "json"})
    return None


def graph_of(described: dict[str, Any]) -> dict[str, str]:
    """The properties of OpenGraph that a description amounts to."""
    author = _text(described, "author_name")
    found = {
        "og:title": _text(described, "title") or author,
        "og:site_name": _text(described, "provider_name"),
        "og:article:author": author,
    }
    return {name: value for name, value in found.items() if value}


def picture_of(described: dict[str, Any]) -> str | None:
    """The address of the picture, if there is one."""
    if described.get("type") == "photo" and (found := _text(described, "url")):
        return found
    return _text(described, "thumbnail_url") or None


def html_of(described: dict[str, Any]) -> str:
    """What would be embedded, of which only the text is of use."""
    found = described.get("html")
    return found if isinstance(found, str) else ""


def _text(described: dict[str, Any], name: str) -> str:
    value = described.get(name)
    return " ".join(value[:1000].split()) if isinstance(value, str) else ""
