"""What an object store alone does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from appliance.backup.remote.store import RemoteError, open_store
from appliance.config import Config
from tests.factories.backups import no_tick
from tests.factories.settings import settings

pytestmark = pytest.mark.slow


@pytest.fixture
def kind() -> str:
    return "s3"


def test_a_bucket_that_is_not_there_is_an_error(here: Config) -> None:
    with settings(backup={"s3": replace(here.backup.s3, bucket="nowhere")}), open_store(no_tick) as store:
        for work in (lambda: store.put("x", b"x"), lambda: store.folders(""), lambda: list(store.files("x"))):
            with pytest.raises(RemoteError, match="NoSuchBucket: The specified bucket does not exist"):
                work()


def test_keys_that_cannot_be_read_are_an_error(here: Config) -> None:
    missing = here.server.secrets_dir / "nothing"
    s3 = replace(here.backup.s3, access_key="", access_key_file=missing, secret_key_file=missing)
    with settings(backup={"s3": s3}), pytest.raises(RemoteError, match="No such file"):
        open_store(no_tick)
