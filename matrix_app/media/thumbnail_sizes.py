"""Which thumbnails are made ("Thumbnails"): a few sizes, to which requests are rounded up."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Method = Literal["crop", "scale"]

# Beyond the sizes that the specification names are those that large screens ask for.
_SCALE: Final = ((320, 240), (640, 480), (800, 600), (1600, 1200))
LARGEST: Final = (1600, 1200)
_CROP: Final = ((32, 32), (96, 96), (320, 320), (640, 640), (320, 240), (640, 480), (800, 600), (1600, 1200))


class ThumbnailSize(NamedTuple):
    """A thumbnail that can be made; without width and height, as large as the picture itself."""

    width: int
    height: int
    method: Method
    animated: bool

    @property
    def name(self) -> str:
        """The name of the thumbnail in the store."""
        return f"{self.width}x{self.height}-{self.method}{'-animated' if self.animated else ''}"


def choose_size(width: int, height: int, method: Method, *, animated: bool) -> ThumbnailSize:
    """The size to make for a request: "Servers must never return thumbnails smaller than" asked for."""
    enough = [
        size for size in (_CROP if method == "crop" else _SCALE) if size[0] >= width and size[1] >= height
    ]
    if not enough:
        return ThumbnailSize(0, 0, "scale", animated)
    # "crop provides an image in the aspect ratio of the sizes given in the request"
    asked = width / height
    best = min(enough, key=lambda size: (abs(size[0] / size[1] - asked) if method == "crop" else 0, size))
    return ThumbnailSize(*best, method, animated)
