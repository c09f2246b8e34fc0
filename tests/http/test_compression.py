"""Who is answered with packed bodies."""

from __future__ import annotations

import pytest

from matrix_app.http.compression import COMPRESS_FROM, is_worth_packing


@pytest.mark.parametrize(
    "header", ["gzip", "deflate, gzip;q=0.5", "GZIP ; q=1.0", "x-gzip", "*", "br, *;q=0.1", "gzip, *;q=0"]
)
def test_who_takes_gzip_gets_it(header: str) -> None:
    assert is_worth_packing(COMPRESS_FROM, header)


@pytest.mark.parametrize(
    "header", ["", "identity", "br, deflate", "gzip;q=0", "gzip; q=0.000", "*;Q=0", "gzip;q=0, *"]
)
def test_who_does_not_take_gzip_gets_the_body_as_it_is(header: str) -> None:
    assert not is_worth_packing(COMPRESS_FROM, header)


def test_a_short_body_is_not_packed() -> None:
    assert not is_worth_packing(COMPRESS_FROM - 1, "gzip")
