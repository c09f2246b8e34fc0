"""What can go wrong with a backup."""

from __future__ import annotations

from matrix_app.protocol.errors import MatrixError


class BackupError(MatrixError):
    """A backup cannot be made, read or restored; the message says why, and what helps."""


class WrongKey(BackupError):
    """A backup is encrypted, and not to the key at hand."""


class DatabaseGone(BackupError):
    """The database into which a backup is restored does not answer."""


class BackupCancelled(Exception):
    """Somebody has asked for the end of the work."""
