"""Sorting by servers."""

import pytest

from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.user_servers import split_by_server


def test_users_are_sorted_by_their_servers() -> None:
    wanted = {"@a:hearth.example": 1, "@b:other.example:8448": 2, "@c:other.example:8448": 3, "@d:[::1]": 4}
    local, remote = split_by_server(wanted)
    assert local == {"@a:hearth.example": 1}
    others = {"@b:other.example:8448": 2, "@c:other.example:8448": 3}
    assert remote == {"other.example:8448": others, "[::1]": {"@d:[::1]": 4}}


@pytest.mark.parametrize("user_id", ["", "bob", "@bob", "bob:elsewhere.example", "@b\0b:hearth.example"])
def test_what_is_no_user_id_is_refused(user_id: str) -> None:
    with pytest.raises(InvalidParam):
        split_by_server({user_id: None})
