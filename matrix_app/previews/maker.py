"""Making a preview: the page, what it says of itself, and its picture."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import Future
from functools import lru_cache
from typing import IO, Any, Final, TypeVar

from yarl import URL

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.ttl_cache import SingleFlight, TtlCache
from matrix_app.media.page_facts import PageFacts
from matrix_app.media.page_reader import page_reader
from matrix_app.media.sniff import SAMPLE, sniff
from matrix_app.media.thumbnailer import thumbnailer
from matrix_app.previews.address import parse_address
from matrix_app.previews.oembed import description_of, graph_of, html_of, picture_of
from matrix_app.previews.web import Fetched, Web, resolved
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import BadGateway, BadRequest, MatrixError
from matrix_app.services.keep_previews import Preview, keep_picture, keep_preview
from matrix_app.services.media_jobs import drawing, reading, storing
from matrix_app.services.preview_url import UrlPreviews
from matrix_app.services.store_media import GivenFile

# A page that could not be had is not asked for again so soon.
FAULT_SECONDS: Final = 300.0
MOST_FAULTS: Final = 2000
MOST_DESCRIPTION_BYTES: Final = 262_144
# How many of a page's pictures are tried.
PICTURES_TRIED: Final = 3
_PAGES: Final = frozenset(("text/html", "application/xhtml+xml"))
_PICTURES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"))

T = TypeVar("T")


class PreviewMaker:
    """Makes previews, each once for all who ask. For one event loop."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._flights: SingleFlight[str, Preview] = SingleFlight()
        self._faults: TtlCache[str, MatrixError] = TtlCache(MOST_FAULTS)

    async def preview(self, address: str) -> Preview:
        """The preview of a page; raises `MatrixError`, the same for a while."""
        fault = self._faults.get(address)
        if fault is not None:
            raise fault
        return await self._flights.run(address, lambda: self._kept(address))

    async def _kept(self, address: str) -> Preview:
        try:
            made = await self._made(parse_address(address))
        except MatrixError as error:
            error.__traceback__ = error.__cause__ = error.__context__ = None
            self._faults.put(address, error, FAULT_SECONDS)
            raise
        await _done(storing().submit(("preview", address), lambda: keep_preview(address, made)))
        return made

    async def _made(self, url: URL) -> Preview:
        described = description_of(url)
        if described is not None:
            return await self._finished(url, await self._described(described))
        with _scratch() as file:
            page = await self._web.fetch(
                url, file, _most, accept="text/html, application/xhtml+xml, */*;q=0.8"
            )
            if page.content_type in _PAGES:
                return await self._finished(page.url, await self._facts(page, file))
            if page.content_type.startswith("image/") and page.is_whole:
                return await self._pictured(page, file)
            return {}

    async def _facts(self, page: Fetched, file: IO[bytes]) -> PageFacts:
        facts = await _done(reading().submit(file, lambda: page_reader().read(file, page.charset)))
        if facts.oembed is None or (facts.images and facts.graph.get("og:title")):
            return facts
        try:
            more = await self._described(resolved(_base(page.url, facts), facts.oembed))
        except (MatrixError, ValueError):
            return facts  # the page itself says something
        return facts._replace(graph={**more.graph, **facts.graph}, images=(*facts.images, *more.images))

    async def _described(self, endpoint: URL) -> PageFacts:
        """What a site says of a page in JSON."""
        with _scratch() as file:
            fetched = await self._web.fetch(endpoint, file, lambda _: MOST_DESCRIPTION_BYTES)
            if not fetched.is_whole:
                raise BadGateway("The description of the page is too large")
            file.seek(0)
            described = _json(file.read())
            graph = graph_of(described)
            if text := html_of(described):
                file.seek(0)
                file.truncate()
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                shown = await _done(reading().submit(file, lambda: page_reader().read(file, "utf-8")))
                graph = {**graph, **{"og:description": shown.graph.get("og:description", "")}}
            picture = picture_of(described)
            kept = {name: value for name, value in graph.items() if value}
            return PageFacts(kept, (picture,) if picture else ())

    async def _finished(self, url: URL, facts: PageFacts) -> Preview:
        """The preview, whose picture is one of the page's that can be had."""
        graph: Preview = {name: value for name, value in facts.graph.items() if not _is_of_picture(name)}
        base = _base(url, facts)
        for reference in facts.images[:PICTURES_TRIED]:
            try:
                picture = await self._picture(resolved(base, reference))
            except (MatrixError, ValueError):
                continue
            if picture:
                return {**graph, **picture}
        return graph

    async def _picture(self, url: URL) -> Preview:
        with _scratch() as file:
            fetched = await self._web.fetch(url, file, _most, accept="image/*")
            if not fetched.is_whole:
                raise BadGateway("The picture is too large")
            return await self._pictured(fetched, file)

    async def _pictured(self, fetched: Fetched, file: IO[bytes]) -> Preview:
        """The properties of a picture that has been fetched; none when it is no picture, or blocked."""
        file.seek(0)
        content_type = sniff(file.read(SAMPLE))
        if content_type not in _PICTURES:
            return {}
        size = await _done(drawing().submit(file, lambda: thumbnailer().measure(file)))
        if not size.width:
            return {}
        file.seek(0)
        given = GivenFile(file, content_type, fetched.url.name or None)
        kept = await _done(storing().submit(file, lambda: keep_picture(given)))
        if kept is None:
            return {}
        mxc, facts = kept
        return {
            "og:image": str(mxc),
            "og:image:type": content_type,
            "og:image:width": size.width,
            "og:image:height": size.height,
            "matrix:image:size": facts.size,
        }


def _most(content_type: str) -> int:
    config = get_config().media.previews
    if content_type.startswith("image/"):
        return config.max_image_bytes
    return config.max_page_bytes if content_type in _PAGES else 0


def _is_of_picture(name: str) -> bool:
    """Whether a property is about the page's own address of a picture, which a preview does not have."""
    return name.startswith("og:image") and name != "og:image:alt"


def _base(url: URL, facts: PageFacts) -> URL:
    try:
        return resolved(url, facts.base) if facts.base else url
    except (MatrixError, ValueError):
        return url


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = decode_json(content)
    except BadRequest as error:
        raise BadGateway("The description of the page is not JSON") from error
    if not isinstance(found, dict):
        raise BadGateway("The description of the page is not an object")
    return found


def _scratch() -> IO[bytes]:
    file: IO[bytes] = tempfile.TemporaryFile(dir=get_config().server.data_dir)  # noqa: SIM115  (closed by callers)
    return file


async def _done(job: Future[T]) -> T:
    """The result of a job in a thread, which goes on although who waits for it is cancelled."""
    return await asyncio.shield(asyncio.wrap_future(job))


class Previews:
    """`services.preview_url.UrlPreviews` on the loop of this process."""

    def start(self, address: str) -> Future[Preview]:
        """Have a preview made."""
        return loop.submit(_preview(address))


async def _preview(address: str) -> Preview:
    return await _maker_of(loop.loop_thread()).preview(address)


@lru_cache(maxsize=1)
def _maker_of(thread: loop.LoopThread) -> PreviewMaker:
    web = Web(get_config())
    thread.closers.append(web.close)
    return PreviewMaker(web)


previews: Final[UrlPreviews] = Previews()
