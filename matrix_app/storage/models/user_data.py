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


class UnreadEntry(models.Model):
    """An event whose effect on one user differs from what everybody's default rules say.

    `notify` is +1, 0 or -1 against the default, `highlight` 0 or 1; the totals are the sums over the
    user's entries of the timeline up to this one. Entries behind the user's read mark are removed, later.
    """

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "thread_nid", "position")
    user_nid = ref()
    room_nid = ref()
    thread_nid = ref()
    position = stream_position()
    event_nid = ref()
    notify = models.SmallIntegerField()
    highlight = models.SmallIntegerField()
    notify_total = models.BigIntegerField()
    highlight_total = models.BigIntegerField()

    class Meta:
        db_table = "unread_entry"
        indexes = [models.Index(fields=["event_nid"], name="unread_entry_event")]


class UnreadTotal(models.Model):
    """The sums over a user's entries of a timeline, those that were removed included."""

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "thread_nid")
    user_nid = ref()
    room_nid = ref()
    thread_nid = ref()
    notify = models.BigIntegerField()
    highlight = models.BigIntegerField()

    class Meta:
        db_table = "unread_total"


class UnreadCorrection(models.Model):
    """What redacted events no longer add: a tree of sums over blocks of positions.

    `user_nid` is 0 for what a timeline counts for everybody. A row of level L sums the positions of
    which all but the last L bits are `block`.
    """

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "thread_nid", "level", "block")
    user_nid = ref()
    room_nid = ref()
    thread_nid = ref()
    level = models.SmallIntegerField()
    block = models.BigIntegerField()
    notify = models.BigIntegerField()
    highlight = models.BigIntegerField()

    class Meta:
        db_table = "unread_correction"


class UnreadStance(models.Model):
    """From which position on a room's messages count for a user, or do not: their rules changed there.

    Where there is no row they count.
    """

    pk = models.CompositePrimaryKey("user_nid", "room_nid", "position")
    user_nid = ref()
    room_nid = ref()
    position = stream_position()
    counts = models.BooleanField()

    class Meta:
        db_table = "unread_stance"


class Pusher(models.Model):
    """Where a user's notifications are pushed.

    `told_ts` is when that last worked, `badge` the number of unread messages that was told then. One
    that fails is left alone until `retry_ts`.
    """

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
    failures = models.IntegerField(default=0, db_default=0)
    retry_ts = timestamp(null=True)
    told_ts = timestamp(null=True)
    badge = models.IntegerField(default=0, db_default=0)
    fault = models.TextField(null=True)

    class Meta:
        db_table = "pusher"
        constraints = [
            models.UniqueConstraint(fields=["user_nid", "app_id", "pushkey"], name="pusher_of_user"),
        ]
        indexes = [
            models.Index(fields=["app_id", "pushkey"], name="pusher_pushkey"),
            models.Index(fields=["user_nid", "nid"], name="pusher_by_age"),
        ]


class PushDue(models.Model):
    """A notification that a pusher is to deliver; `tweaks` is JSON."""

    nid = own_nid()
    pusher_nid = ref()
    event_nid = ref()
    room_nid = ref()
    thread_nid = ref()
    position = stream_position()
    tweaks = models.BinaryField()
    created_ts = timestamp()

    class Meta:
        db_table = "push_due"
        indexes = [models.Index(fields=["pusher_nid", "nid"], name="push_due_pusher")]


class PushProgress(models.Model):
    """One row: up to which position events have been turned into notifications."""

    nid = models.IntegerField(primary_key=True)
    position = stream_position()

    class Meta:
        db_table = "push_progress"


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
