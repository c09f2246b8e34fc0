"""The version of Hearth."""

from __future__ import annotations

VERSION = "0.1.0"
# The oldest version whose code can work with the schema of this one. Migrations that only add keep it; one
# that takes away what an older version reads raises it to the first version that does not.
OLDEST_CODE = "0.1.0"
