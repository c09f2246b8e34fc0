"""What users keep: account data, filters, push rules, receipts and unread counts."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class AccountData(models.Model):
    """Account data of a user: global where `room_nid` is 0. `content` is JSON."""

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "type")
    user_nid = ref()
    room_nid = ref()
    type = models.TextField()
    content = models.BinaryField()
    position = stream_position()

    class Meta:
        db_table = "account_data"
        indexes = [models.Index(fields=["user_nid", "position"], name="account_data_position")]


class Filter(models.Model):
    """A filter that a user uploaded; `filter_id` counts from 0 for each user."""

    pk = models.CompositePrimaryKey("user_nid", "filter_id")
    user_nid = ref()
    filter_id = models.IntegerField()
    definition = models.BinaryField()

    class Meta:
        db_table = "filter"


class PushRules(models.Model):
    """A user's customised push rules, as `protocol.push_rules` stores them."""

    user_nid = models.BigIntegerField(primary_key=True)
    custom = models.BinaryField()

    class Meta:
        db_table = "push_rules"


class Receipt(models.Model):
    """A receipt; `thread_id` is empty for an unthreaded one."""

    pk = models.CompositePrimaryKey("room_nid", "user_nid", "receipt_type", "thread_id")
    room_nid = ref()
    user_nid = ref()
    receipt_type = models.TextField()
    thread_id = models.TextField(default="")
    event_id = models.TextField()
    event_nid = ref(null=True)
    ts = timestamp()
    position = stream_position()

    class Meta:
        db_table = "receipt"
        indexes = [models.Index(fields=["room_nid", "position"], name="receipt_position")]


class ReadMark(models.Model):
    """How far a user has read a timeline, by receipt or by sending.

    `thread_nid` is 0 for the whole room (unthreaded reading), -1 for the main timeline, or a thread's
    root. `ordinal` is the timeline's unread ordinal there.
    """

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "thread_nid")
    user_nid = ref()
    room_nid = ref()
    thread_nid = ref()
    position = stream_position()
    ordinal = models.BigIntegerField()

    class Meta:
        db_table = "read_mark"


class UnreadAction(models.Model):
    """An event whose effect on one user differs from what everybody's default rules say.

    `notify` is +1, 0 or -1 against the default, `highlight` 0 or 1. Rows behind the user's read mark
    are removed.
    """

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "event_nid")
    user_nid = ref()
    room_nid = ref()
    event_nid = ref()
    thread_nid = ref()
    position = stream_position()
    notify = models.SmallIntegerField()
    highlight = models.SmallIntegerField()
    actions = models.BinaryField()
    received_ts = timestamp()

    class Meta:
        db_table = "unread_action"
        indexes = [
            models.Index(fields=["user_nid", "room_nid", "position"], name="unread_action_position"),
            models.Index(fields=["event_nid"], name="unread_action_event"),
        ]


class Pusher(models.Model):
    """Where a user's notifications are pushed."""

    nid = own_nid()
    user_nid = ref()
    app_id = models.TextField()
    pushkey = models.TextField()
    kind = models.TextField()
    device_nid = ref(null=True, index=True)
    data = models.BinaryField()
    created_ts = timestamp()
    position = models.BigIntegerField(default=0)
    failing_since_ts = timestamp(null=True)

    class Meta:
        db_table = "pusher"
        constraints = [
            models.UniqueConstraint(fields=["user_nid", "app_id", "pushkey"], name="pusher_of_user"),
        ]
        indexes = [models.Index(fields=["app_id", "pushkey"], name="pusher_pushkey")]


class Typing(models.Model):
    """A user who is typing in a room, until `expires_ts`."""

    pk = models.CompositePrimaryKey("room_nid", "user_nid")
    room_nid = ref()
    user_nid = ref()
    expires_ts = timestamp()

    class Meta:
        db_table = "typing"
        indexes = [models.Index(fields=["expires_ts"], name="typing_expires")]


class RoomTyping(models.Model):
    """When the set of those who type in a room last changed."""

    room_nid = models.BigIntegerField(primary_key=True)
    position = stream_position()

    class Meta:
        db_table = "room_typing"
