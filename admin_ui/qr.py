"""QR codes as pictures in the page, readable on light and dark ground."""

from __future__ import annotations

import segno


def qr_picture(text: str) -> str:
    """The QR code of a text as a `data:` URI of an SVG with a white frame."""
    uri: str = segno.make(text, error="m").svg_data_uri(scale=5, border=3, light="white")
    return uri
