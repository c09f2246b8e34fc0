"""Drawing thumbnails. Runs in a process of its own (`helper_main`); nothing else imports Pillow."""

from __future__ import annotations

import math
import warnings
from typing import IO, Any, Final

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from matrix_app.media.thumbnail_request import Drawn, Measured, Wanted

# What is decoded at all, and what is served as it is when it is small enough. MPO is what Pillow calls a
# JPEG file with more pictures behind the first, as cameras write them: smaller ones, depths, other exposures.
_DECODED: Final = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
_SERVED: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
# An animation may have so many frames, and so many times the pixels of the largest still picture.
MOST_FRAMES: Final = 500
_ANIMATION_PIXELS: Final = 4
# What browsers take a frame without a duration for.
_DEFAULT_FRAME_MS: Final = 100

# What Pillow raises for files that are broken.
_BROKEN: Final = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError)
_TRANSPARENT: Final = ("RGBA", "LA", "PA", "RGBa", "La")


def draw(source: IO[bytes], target: IO[bytes], wanted: Wanted) -> Drawn:
    """Write a thumbnail of the picture in `source` into `target`."""
    # `max_pixels` is checked before anything is decoded.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    try:
        with Image.open(source, formats=_DECODED) as image:
            return _drawn(image, target, wanted)
    except _BROKEN:
        return Drawn("unsupported")


def measure(source: IO[bytes]) -> Measured:
    """The size of a picture, zeroes for what is none. Nothing of it is decoded."""
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    try:
        with Image.open(source, formats=_DECODED) as image:
            # Of PNG, the method of its own would decode all there is, for what may stand at the end.
            return Measured(*_turned(image, Image.Image.getexif(image)))
    except _BROKEN:
        return Measured(0, 0)


def _drawn(image: Image.Image, target: IO[bytes], wanted: Wanted) -> Drawn:
    if image.width * image.height > wanted.max_pixels:
        return Drawn("too_large")
    moves = getattr(image, "is_animated", False) and image.format != "MPO"
    served = _SERVED.get(image.format or "")
    # "When the content is smaller than the requested dimensions, servers should return the original content
    # rather than thumbnail it." "When false, the server MUST NOT return an animated thumbnail."
    if served and _is_small(image, wanted) and (wanted.animated or not moves):
        return Drawn("original", served)
    if moves and wanted.animated and _can_be_animated(image, wanted):
        return _animated(image, target, wanted)
    return _still(image, target, wanted)


def _is_small(image: Image.Image, wanted: Wanted) -> bool:
    if not wanted.width:
        return True
    width, height = _upright(image)
    return width <= wanted.width and height <= wanted.height


def _upright(image: Image.Image) -> tuple[int, int]:
    """The size of the picture once it has been turned the way it is to be seen."""
    return _turned(image, image.getexif())


def _turned(image: Image.Image, exif: Image.Exif) -> tuple[int, int]:
    return (image.height, image.width) if exif.get(0x0112, 1) in (5, 6, 7, 8) else image.size


def _can_be_animated(image: Image.Image, wanted: Wanted) -> bool:
    frames: int = getattr(image, "n_frames", 1)
    pixels = image.width * image.height
    drawn = min(pixels, wanted.width * wanted.height or pixels)
    most = wanted.max_pixels
    # The small frames are in memory all at once, the others one after the other.
    return frames <= MOST_FRAMES and frames * pixels <= most * _ANIMATION_PIXELS and frames * drawn <= most


def _still(image: Image.Image, target: IO[bytes], wanted: Wanted) -> Drawn:
    profile, before = image.info.get("icc_profile"), image.mode
    if wanted.width:
        # JPEG is decoded at half, a quarter or an eighth of its size when that is enough.
        image.draft(None, _least_size(image, wanted))
    image = _plain(ImageOps.exif_transpose(image))
    image = _resized(image, wanted)
    if _colours(image.mode) != _colours(before):
        profile = None  # it describes other colours, such as those of print
    if image.mode == "RGBA":
        image.save(target, "PNG", icc_profile=profile)
        return Drawn("made", "image/png")
    image.save(target, "JPEG", quality=82, icc_profile=profile)
    return Drawn("made", "image/jpeg")


def _colours(mode: str) -> str:
    """Which colours the pictures of a mode are made of."""
    if mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16"):
        return "grey"
    return mode if mode in ("CMYK", "LAB", "HSV") else "RGB"


def _least_size(image: Image.Image, wanted: Wanted) -> tuple[int, int]:
    """How large the picture, as it is stored, has to be for the thumbnail."""
    width, height = _upright(image)
    ratios = (wanted.width / width, wanted.height / height)
    factor = max(ratios) if wanted.method == "crop" else min(ratios)
    return (math.ceil(image.width * factor), math.ceil(image.height * factor))


def _plain(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be resized and saved."""
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I;16"):
        # 16 bits of grey: converting would cut what is bright.
        return image.point(lambda value: value / 256).convert("L")
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _resized(image: Image.Image, wanted: Wanted) -> Image.Image:
    """The picture filling the box, or fitting into it; "Servers MUST NOT upscale thumbnails"."""
    if not wanted.width:
        return image
    if wanted.method == "scale":
        factor = min(1.0, wanted.width / image.width, wanted.height / image.height)
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image if size == image.size else _sampled(image, size)
    # A picture that is smaller than the box in one direction gives a thumbnail of the box's shape.
    shrunk = min(1.0, image.width / wanted.width, image.height / wanted.height)
    size = (max(1, round(wanted.width * shrunk)), max(1, round(wanted.height * shrunk)))
    return ImageOps.fit(image, size, method=Image.Resampling.LANCZOS)


def _sampled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _animated(image: Image.Image, target: IO[bytes], wanted: Wanted) -> Drawn:
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame in ImageSequence.Iterator(image):
        durations.append(int(frame.info.get("duration", 0)) or _DEFAULT_FRAME_MS)
        frames.append(_resized(frame.convert("RGBA"), wanted))
    options: dict[str, Any] = {"loop": image.info.get("loop", 0), "duration": durations}
    # "Servers SHOULD prefer to return image/webp thumbnails when supporting animation."
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:], quality=75, method=2, **options)
    return Drawn("made", "image/webp")
