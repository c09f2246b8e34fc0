"""What was changed on pages, for verbs that go by it too."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.config import get_config
from appliance.config.addresses import parse_database_url


def look_at_pages() -> None:
    """Take over what was changed on pages, where there is a database yet."""
    import django
    from django.db import DatabaseError

    config = get_config()
    address = parse_database_url(config.database.url, config.server.data_dir)
    if address.engine == "sqlite" and not Path(address.name).exists():
        return
    django.setup()
    from appliance.config.stored import refresh

    try:
        refresh(now=True)
    except DatabaseError as fault:
        print(f"without what was changed on pages: {str(fault).strip()}", file=sys.stderr)
