import pytest

from matrix_app.protocol.event_fields import Projection, projection_of

EVENT = {
    "type": "m.room.message",
    "sender": "@alice:example.org",
    "content": {"body": "hello", "msgtype": "m.text", "m.relates_to": {"rel_type": "m.thread"}, "a.b": 1},
}


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (["type"], {"type": "m.room.message"}),
        (["content.body"], {"content": {"body": "hello"}}),
        (["content.body", "content"], {"content": EVENT["content"]}),
        (["content", "content.body"], {"content": EVENT["content"]}),
        ([r"content.m\.relates_to.rel_type"], {"content": {"m.relates_to": {"rel_type": "m.thread"}}}),
        ([r"content.a\.b"], {"content": {"a.b": 1}}),
        (["content.a.b", "sender.domain", "unknown"], {}),
        ([], {}),
    ],
)
def test_only_the_named_fields_are_kept(fields, kept):
    assert Projection(fields).apply(EVENT) == kept


def test_without_event_fields_there_is_no_projection():
    assert projection_of(None) is None
    assert projection_of(("type",)) is projection_of(("type",))
