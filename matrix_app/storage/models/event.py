"""Events and what is known about each of them."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class Event(models.Model):
    """One event. `json` is the PDU, or what is left of it some time after it was redacted.

    `position` is null for events that were not received live: outliers and backfilled history.
    History is ordered by (`depth`, `nid`).
    """

    nid = own_nid()
    event_id = models.TextField(unique=True)
    room_nid = ref()
    type = models.TextField()
    # The interned (type, state_key) of a state event.
    key_nid = ref(null=True)
    sender_nid = ref()
    depth = models.BigIntegerField()
    origin_server_ts = timestamp()
    position = models.BigIntegerField(null=True)
    # 0 normal, 1 rejected, 2 soft-failed; see `storage.events`.
    status = models.SmallIntegerField(default=0)
    is_outlier = models.BooleanField(default=False)
    # The state before the event; the state after it, where that is another.
    state_nid = ref(null=True)
    state_after_nid = ref(null=True)
    redacted_by_nid = ref(null=True)
    thread_root_nid = ref(null=True)
    # How many events of its timeline (the room's or the thread's) counted as unread, up to this one.
    unread_ordinal = models.BigIntegerField(default=0)
    json = models.BinaryField()

    class Meta:
        db_table = "event"
        indexes = [
            models.Index(fields=["room_nid", "depth", "nid"], name="event_history"),
            models.Index(fields=["room_nid", "origin_server_ts"], name="event_time"),
            models.Index(
                fields=["room_nid", "position"],
                name="event_position",
                condition=models.Q(position__isnull=False),
            ),
            models.Index(
                fields=["thread_root_nid", "position"],
                name="event_thread",
                condition=models.Q(thread_root_nid__isnull=False),
            ),
        ]


class AuthChain(models.Model):
    """The auth chain of a state event (without itself) as a serialised 64-bit bitmap of nids."""

    event_nid = models.BigIntegerField(primary_key=True)
    chain = models.BinaryField()

    class Meta:
        db_table = "auth_chain"


class EventRelation(models.Model):
    """A relation from one event to another, which may not be here (yet)."""

    event_nid = models.BigIntegerField(primary_key=True)
    room_nid = ref()
    parent_event_id = models.TextField()
    rel_type = models.TextField()
    aggregation_key = models.TextField(null=True)
    sender_nid = ref()
    type = models.TextField()

    class Meta:
        db_table = "event_relation"
        indexes = [
            models.Index(fields=["parent_event_id", "rel_type", "event_nid"], name="event_relation_parent")
        ]


class Thread(models.Model):
    """A thread of a room: its latest event and how many count as unread."""

    root_nid = models.BigIntegerField(primary_key=True)
    room_nid = ref()
    latest_nid = ref()
    latest_position = stream_position()
    reply_count = models.BigIntegerField()
    unread_ordinal = models.BigIntegerField(default=0)

    class Meta:
        db_table = "thread"
        indexes = [models.Index(fields=["room_nid", "latest_position"], name="thread_latest")]


class ThreadParticipant(models.Model):
    """A user who has sent into a thread."""

    pk = models.CompositePrimaryKey("root_nid", "user_nid")
    root_nid = ref()
    user_nid = ref()

    class Meta:
        db_table = "thread_participant"


class Redaction(models.Model):
    """A redaction, by the event that it redacts; `applied` once both are here and it is allowed."""

    redaction_nid = models.BigIntegerField(primary_key=True)
    redacts_event_id = models.TextField(db_index=True)
    applied = models.BooleanField(default=False)

    class Meta:
        db_table = "redaction"


class RelayedEvent(models.Model):
    """An event of another server that came to its room by way of this one, which sends it on.

    The server of its sender has it already, unless it is an invite that was made here of a third-party one.
    """

    event_nid = models.BigIntegerField(primary_key=True)
    to_sender = models.BooleanField(default=False)

    class Meta:
        db_table = "relayed_event"


class EventExpiry(models.Model):
    """When a message is to be removed, because its sender wrote that in it."""

    event_nid = models.BigIntegerField(primary_key=True)
    expires_ts = timestamp()

    class Meta:
        db_table = "event_expiry"
        indexes = [models.Index(fields=["expires_ts"], name="event_expiry_due")]


class RedactedContent(models.Model):
    """An event whose content is kept for moderators although it was redacted, and since when."""

    event_nid = models.BigIntegerField(primary_key=True)
    redacted_ts = timestamp()

    class Meta:
        db_table = "redacted_content"
        indexes = [models.Index(fields=["redacted_ts"], name="redacted_content_since")]


class EventReport(models.Model):
    """What a user reported: an event, a room or a user."""

    nid = own_nid()
    reporter_nid = ref()
    room_nid = ref(null=True, index=True)
    event_id = models.TextField(null=True)
    reported_user_nid = ref(null=True)
    score = models.IntegerField(null=True)
    reason = models.TextField(null=True)
    received_ts = timestamp()
    # When an administrator was done with it, and who.
    handled_ts = timestamp(null=True)
    handled_by_nid = ref(null=True)

    class Meta:
        db_table = "event_report"
        indexes = [
            models.Index(
                fields=["nid"], name="event_report_open", condition=models.Q(handled_ts__isnull=True)
            )
        ]
