"""What a file is, by its first bytes."""

from __future__ import annotations

from typing import Final

SAMPLE: Final = 512

# Where the bytes are, the bytes, and what has them there.
_MARKS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\0\0\1\0", "image/x-icon"),
    (0, b"\xff\x0a", "image/jxl"),
    (4, b"JXL \r\n\x87\n", "image/jxl"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"FLV\1", "video/x-flv"),
    (0, b"\0\0\1\xba", "video/mpeg"),
    (0, b"\0\0\1\xb3", "video/mpeg"),
    (0, b"G@", "video/mp2t"),
    (0, b"MThd", "audio/midi"),
    (0, b"%PDF-", "application/pdf"),
)
_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
}
# Atoms with which QuickTime files may begin.
_ATOMS: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe")


def sniff(sample: bytes) -> str | None:
    """The content type that the first bytes of a file speak for, or None."""
    if sample[4:8] == b"ftyp":
        return _BRANDS.get(sample[8:12], "video/mp4")
    for offset, mark, found in _MARKS:
        if sample.startswith(mark, offset):
            return found
    if sample[4:8] in _ATOMS:
        return "video/quicktime"
    # The frames of MPEG audio and of AAC begin with eleven bits that are set.
    if len(sample) > 2 and sample[0] == 0xFF and sample[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    return "text/html" if looks_like_html(sample) else None


def looks_like_html(sample: bytes) -> bool:
    """Whether a browser that guesses would take it for a page."""
    start = sample.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    while start.startswith(b"<!--") and b"-->" in start:
        start = start.partition(b"-->")[2].lstrip()
    return start.startswith(_HTML)


def is_text(sample: bytes) -> bool:
    """Whether it begins as UTF-8 text does; a character may be cut at the end."""
    if b"\0" in sample:
        return False
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and error.reason == "unexpected end of data"
    return True
