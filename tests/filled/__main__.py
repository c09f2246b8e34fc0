"""Prepares the server of HEARTH_CONFIG as `hearth run` does, and fills it."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import django
import msgspec

from tests.still_clock import stand_still


def main() -> None:
    """Make the database, fill it, and write what there is to look at into a file as JSON."""
    parser = argparse.ArgumentParser(prog="tests.filled")
    parser.add_argument("size")
    parser.add_argument("file", type=Path)
    parser.add_argument("--now", type=int, default=int(time.time() * 1000), help="milliseconds since 1970")
    parser.add_argument("--in-setup", action="store_true", help="leave the setup at its last step")
    given = parser.parse_args()
    stand_still(given.now)
    os.environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    django.setup()
    from appliance.config import get_config
    from appliance.prepare import make_current
    from tests.filled.filling import fill
    from tests.filled.size import SIZES

    make_current(get_config())
    filled = fill(SIZES[given.size], given.now, in_setup=given.in_setup)
    given.file.write_bytes(msgspec.json.encode(filled))


if __name__ == "__main__":
    main()
