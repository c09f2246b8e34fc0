"""What is found in pages of the web."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import pytest

from matrix_app.media.charset import decode_page
from matrix_app.media.page import LONGEST_DESCRIPTION, MOST_PROPERTIES, read_page
from matrix_app.media.page_facts import PageFacts
from matrix_app.media.page_reader import PageReader


def facts(page: str) -> PageFacts:
    return PageFacts(**read_page(page.encode(), "utf-8"))


def test_opengraph_counts_for_more_than_the_rest() -> None:
    found = facts(
        """<title>Plain</title><meta name=description content="plain">
        <meta property="og:title" content=" The  &quot;Rock&quot;\n ">
        <meta property="OG:Type" content="video.movie">
        <meta name="twitter:title" content="Bird"><meta property="og:description" content="graph">"""
    )
    assert found.graph == {"og:title": 'The "Rock"', "og:type": "video.movie", "og:description": "graph"}


def test_what_is_missing_is_made_up_from_the_rest() -> None:
    found = facts(
        """<title>Plain\n title</title><meta name="Description" content="plain">
        <meta name="twitter:description" content="bird"><meta name="application-name" content="Site">"""
    )
    assert found.graph == {
        "og:title": "Plain title",
        "og:description": "bird",
        "og:site_name": "Site",
    }


def test_a_page_without_anything_gives_its_first_words() -> None:
    prose = "Some words that are worth reading, and then some more. " * 20
    found = facts(
        f"""<style>p {{}}</style><nav><p>Menu that is long enough to be taken for text</p></nav>
        <h1>Heading</h1><article><script>alert("x")</script><p>Short.</p><p>{prose}</p></article>"""
    )
    assert found.graph["og:title"] == "Heading"
    description = found.graph["og:description"]
    assert description.startswith("Some words that are worth reading")
    assert LONGEST_DESCRIPTION - 20 < len(description) <= LONGEST_DESCRIPTION


def test_pictures_come_in_the_order_of_their_worth() -> None:
    found = facts(
        """<link rel="icon" href="/icon.png"><link rel="apple-touch-icon" href="/touch.png">
        <img src="small.png" width=10 height=10><img src="large.png" width=300 height="200px">
        <img src="data:image/png;base64,xxxx" width=300 height=300>
        <meta name="twitter:image" content="bird.png"><meta property="og:image" content="graph.png">"""
    )
    assert list(found.images) == ["graph.png", "bird.png", "large.png", "/touch.png", "/icon.png"]


def test_a_base_and_a_description_elsewhere_are_found() -> None:
    found = facts(
        '<base href="/deep/"><link rel="alternate" type="application/json+oembed" href="o?x=1&amp;y">'
    )
    assert (found.base, found.oembed) == ("/deep/", "o?x=1&y")


def test_properties_are_bounded_in_number_and_length() -> None:
    metas = "".join(f'<meta property="og:p{n}" content="{"x " * 5000}">' for n in range(5000))
    found = facts(f"{metas}<meta property='og:<script>' content=x><meta property=evil content=x>")
    assert len(found.graph) == MOST_PROPERTIES
    assert all(name.startswith("og:") and len(value) <= 1000 for name, value in found.graph.items())


@pytest.mark.parametrize(
    "page", ["", "<", "\0\0\0", "<!--", "<meta", "<base href>", "<meta property content>", "ä" * 9]
)
def test_pages_that_are_hardly_any_are_read(page: str) -> None:
    assert set(facts(page).graph) <= {"og:title", "og:description"}


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))


def test_entities_are_not_unfolded() -> None:
    page = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{ENTITIES}]><html><title>&e9;</title></html>'
    begin = time.process_time()
    assert len(facts(page).graph["og:title"]) < 100
    assert time.process_time() - begin < 1


XML = '<?xml version="1.0" encoding="iso-8859-2"?>'


@pytest.mark.parametrize(
    ("content", "said", "text"),
    [
        ("ä".encode(), "utf-8", "ä"),
        ("ä".encode("latin-1"), "ISO-8859-1", "ä"),
        ("€".encode("cp1252"), "iso-8859-1", "€"),
        ("ä und so".encode("latin-1"), None, "ä und so"),
        ("ä".encode(), None, "ä"),
        ("ä".encode()[:1], None, "\ufffd"),
        (b"\xef\xbb\xbf" + "ä".encode(), "latin-1", "ä"),
        ("ä".encode("utf-16"), None, "ä"),
        ('<meta charset="koi8-r">й'.encode("koi8-r"), None, '<meta charset="koi8-r">й'),
        (
            "<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>日".encode("cp932"),
            None,
            "<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>日",
        ),
        (f"{XML}č".encode("iso-8859-2"), None, f"{XML}č"),
        (b"\xfd\xfd\xfd", "utf-8", "\ufffd\ufffd\ufffd"),
        (b"abc", "zip", "abc"),
        (b"abc", "rot13", "abc"),
        (b"abc", "nonsense" * 100, "abc"),
        (b"abc", "utf-16", "abc"),
        (b"+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-"),
        (b"abc\0", "idna\0", "abc\0"),
    ],
)  # fmt: skip
def test_pages_are_decoded_as_browsers_do(content: bytes, said: str | None, text: str) -> None:
    assert decode_page(content, said) == text


@pytest.fixture
def reader() -> Iterator[PageReader]:
    made = PageReader(seconds=2)
    yield made
    made.stop()


def test_a_page_that_takes_for_ever_is_given_up_and_the_next_one_read(reader: PageReader) -> None:
    with tempfile.TemporaryFile() as hostile:
        hostile.write(b"<div>" * 200_000)
        begin = time.monotonic()
        assert reader.read(hostile, None) == PageFacts()
        assert time.monotonic() - begin < 6
    with tempfile.TemporaryFile() as good:
        good.write(b"<title>Good</title>")
        good.seek(3)
        assert reader.read(good, None).graph["og:title"] == "Good"
        assert good.tell() == 3
