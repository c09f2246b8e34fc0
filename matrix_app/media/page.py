"""Reading a page of the web, in a process of its own (`helper_main`): nothing else imports the parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from matrix_app.media.charset import decode_page

MOST_PROPERTIES: Final = 40
LONGEST_VALUE: Final = 1000
LONGEST_ADDRESS: Final = 2000
MOST_IMAGES: Final = 5
LONGEST_DESCRIPTION: Final = 300
# Smaller pictures are buttons and counters.
_SMALLEST: Final = 100

_SPACE: Final = re.compile(r"\s+")
_PROPERTY: Final = re.compile(r"og:[a-z0-9_:]{1,60}")
# Where OpenGraph says nothing, these do.
_INSTEAD: Final = {
    "og:title": ("twitter:title", "dc.title"),
    "og:description": ("twitter:description", "description", "dc.description"),
    "og:site_name": ("application-name",),
    "og:image:alt": ("twitter:image:alt",),
}
_IMAGES: Final = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
_NO_PROSE: Final = "script,style,noscript,template,svg,nav,header,footer,aside,form,button,select,iframe,head"


def read_page(content: bytes, charset: str | None) -> dict[str, Any]:
    """The fields of `PageFacts`."""
    tree = LexborHTMLParser(decode_page(content, charset))
    meta = _metadata(tree)
    graph = {name: value for name, value in meta.items() if _PROPERTY.fullmatch(name) and value}
    for name, others in _INSTEAD.items():
        found = graph.get(name) or next((meta[other] for other in others if meta.get(other)), "")
        if found:
            graph[name] = found
    images = list(dict.fromkeys(_pictures(tree, meta)))[:MOST_IMAGES]
    facts = {"images": images, "oembed": _oembed(tree), "base": _attribute(tree, "base[href]", "href")}
    # The last step takes the tree apart.
    graph.setdefault("og:title", _title(tree))
    graph.setdefault("og:description", _prose(tree))
    kept = [(name, value) for name, value in graph.items() if value][:MOST_PROPERTIES]
    return {"graph": dict(kept), **facts}


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    """The first value of each name, in small letters."""
    found: dict[str, str] = {}
    for node in tree.css("meta"):
        attributes = node.attributes
        name = (
            attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        ).lower()
        content = attributes.get("content")
        if name and content is not None and len(found) < 10 * MOST_PROPERTIES:
            found.setdefault(name, _clean(content, LONGEST_VALUE))
    return found


def _clean(text: str, longest: int) -> str:
    """A text in one line, cut at a space where it is too long."""
    line = _SPACE.sub(" ", text[: 20 * longest]).strip()
    if len(line) <= longest:
        return line
    return line[:longest].rpartition(" ")[0] or line[:longest]


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str | None:
    node = tree.css_first(selector)
    value = None if node is None else node.attributes.get(name)
    return value.strip() if value and len(value) <= LONGEST_ADDRESS else None


def _oembed(tree: LexborHTMLParser) -> str | None:
    return _attribute(tree, 'link[rel~="alternate"][type="application/json+oembed"][href]', "href")


def _pictures(tree: LexborHTMLParser, meta: dict[str, str]) -> Iterator[str]:
    yield from (meta[name] for name in _IMAGES if meta.get(name))
    for selector, name in (
        ('link[rel~="image_src"][href]', "href"),
        ('[itemprop="image"][src]', "src"),
    ):
        if found := _attribute(tree, selector, name):
            yield found
    yield from _large_pictures(tree)
    for selector in ('link[rel~="apple-touch-icon"][href]', 'link[rel~="icon"][href]'):
        if found := _attribute(tree, selector, "href"):
            yield found


def _large_pictures(tree: LexborHTMLParser) -> Iterator[str]:
    for node in tree.css("img[src][width][height]")[:200]:
        attributes = node.attributes
        if all(_number(attributes.get(side)) >= _SMALLEST for side in ("width", "height")):
            source = (attributes.get("src") or "").strip()
            if source and len(source) <= LONGEST_ADDRESS and not source.startswith("data:"):
                yield source
                return


def _number(text: str | None) -> int:
    digits = (text or "").removesuffix("px")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0


def _title(tree: LexborHTMLParser) -> str:
    for selector in ("title", "h1", "h2"):
        node = tree.css_first(selector)
        text = "" if node is None else _clean(node.text(), LONGEST_VALUE)
        if text:
            return text
    return ""


def _prose(tree: LexborHTMLParser) -> str:
    """The beginning of what there is to read."""
    for node in tree.css(_NO_PROSE):
        node.decompose()
    place: LexborNode | None = tree.css_first("article") or tree.css_first("main") or tree.body
    if place is None:
        return ""
    paragraphs = (_clean(node.text(separator=" "), LONGEST_DESCRIPTION) for node in place.css("p")[:50])
    text = " ".join(found for found in paragraphs if len(found) > 30)
    return _clean(text or place.text(separator=" "), LONGEST_DESCRIPTION)
