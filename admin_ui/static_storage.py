"""The store of static files: names with hashes, also of the icons that a web manifest names."""

from __future__ import annotations

from typing import Final

from whitenoise.storage import CompressedManifestStaticFilesStorage

_ICON: Final = (r'(?P<matched>"src": "(?P<url>[^"]+)")', '"src": "%(url)s"')


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise's, which looks into manifests too ("Web Application Manifest", W3C)."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("*.webmanifest", (_ICON,)))
