"""Has pages of the web read by a process of their own: none of them can do more than end it."""

from __future__ import annotations

import json
import os
import tempfile
from functools import lru_cache
from typing import IO, Final

from matrix_app.media.helper_process import HelperProcess
from matrix_app.media.page_facts import PageFacts

# A page of a megabyte takes 50 ms. Some are made so that they take for ever.
READ_SECONDS: Final = 3.0


class PageReader(HelperProcess):
    """Reads one page after the other."""

    def __init__(self, seconds: float = READ_SECONDS) -> None:
        super().__init__(seconds)

    def read(self, source: IO[bytes], charset: str | None) -> PageFacts:
        """What a page in a real file says of itself; nothing when it cannot be read. Raises `Unavailable`."""
        with tempfile.TemporaryFile() as target:
            answer = self.ask(source, target, {"kind": "page", "charset": charset})
            if answer is None:
                return PageFacts()
            target.seek(0)
            found = json.load(target)
            return PageFacts(found["graph"], tuple(found["images"]), found["oembed"], found["base"])


@lru_cache(maxsize=1)
def page_reader() -> PageReader:
    """The one of this process."""
    return PageReader()


os.register_at_fork(after_in_child=page_reader.cache_clear)
