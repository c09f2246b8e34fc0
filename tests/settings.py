"""Django's settings for tests: a data folder of their own, on the database that HEARTH_TEST_DATABASE names.

Whatever the developer configured for a server of their own has no part in it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="hearth-tests-"))
_creator = os.getpid()


def _remove_folder() -> None:
    if os.getpid() == _creator:  # not a process that a test forked
        shutil.rmtree(_folder, ignore_errors=True)


atexit.register(_remove_folder)

for _name in [name for name in os.environ if name.startswith("HEARTH_") and "__" in name]:
    del os.environ[_name]
os.environ["HEARTH_CONFIG"] = str(Path(__file__).with_name("hearth.toml"))
os.environ["HEARTH_SERVER__DATA_DIR"] = str(_folder)
_database = os.environ.get("HEARTH_TEST_DATABASE", "")
if _database.startswith("postgres"):
    os.environ["HEARTH_DATABASE__URL"] = _database

from appliance.settings import *  # noqa: E402, F403
from appliance.settings import DATABASES, STORAGES  # noqa: E402

# Tests of pages look at the source of the files, which nobody has collected.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# There are no other machines.
STREAM_LISTENER = "matrix_app.sync.wakeups.tell_this_machine"
REMOTE_SERVERS = "tests.factories.offline.servers"
SERVER_EXAMINER = "tests.factories.offline.examine"
DIAGNOSTICS_OUTSIDE = "tests.factories.outside.nowhere"
# Joins are run where they are asked for.
REMOTE_ROOMS = "tests.factories.joins.rooms"
REMOTE_MEDIA = "tests.factories.offline.media"
REMOTE_KEYS = "tests.factories.key_servers.servers"
URL_PREVIEWS = "tests.factories.offline.previews"

if _database.startswith("postgres"):
    DATABASES["default"]["ENGINE"] = "tests.postgresql"
else:
    # A file, as on a real server: Django's default, a database in memory, locks differently.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
