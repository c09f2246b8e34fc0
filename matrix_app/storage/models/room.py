"""Rooms, their present state and who is in them."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class Room(models.Model):
    """A room that this server knows. `version` never changes."""

    nid = own_nid()
    room_id = models.TextField(unique=True)
    version = models.TextField()
    # The snapshot which equals the rows of `current_state`.
    state_nid = ref(null=True)
    creator_nid = ref(null=True)
    created_ts = timestamp(null=True)
    # Listed in the public directory.
    is_published = models.BooleanField(default=False)
    # How many events so far count as unread for a user without rules of their own, outside threads.
    unread_ordinal = models.BigIntegerField(default=0)
    # The latest position of an event in the room.
    position = models.BigIntegerField(default=0)
    # That of the latest event which puts the room up in lists (`protocol.room_activity`); 0 for none.
    bump_position = models.BigIntegerField(db_default=0)
    blocked_ts = timestamp(null=True)

    class Meta:
        db_table = "room"
        indexes = [
            models.Index(fields=["nid"], name="room_published", condition=models.Q(is_published=True)),
        ]


class StateKey(models.Model):
    """A pair of event type and state key, interned."""

    nid = own_nid()
    type = models.TextField()
    state_key = models.TextField()

    class Meta:
        db_table = "state_key"
        constraints = [models.UniqueConstraint(fields=["type", "state_key"], name="state_key_pair")]


class CurrentState(models.Model):
    """The present state of a room."""

    pk = models.CompositePrimaryKey("room_nid", "key_nid")
    room_nid = ref()
    key_nid = ref()
    event_nid = ref()
    # Of type m.room.member: most of a big room's state, and seldom what is asked for.
    is_member = models.BooleanField()

    class Meta:
        db_table = "current_state"
        indexes = [
            models.Index(
                fields=["room_nid", "key_nid", "event_nid"],
                name="current_state_other",
                condition=models.Q(is_member=False),
            ),
        ]


class CurrentStateDelta(models.Model):
    """What changed in a room's present state, at which position."""

    pk = models.CompositePrimaryKey("room_nid", "position", "key_nid")
    room_nid = ref()
    position = stream_position()
    key_nid = ref()
    event_nid = ref(null=True)
    previous_event_nid = ref(null=True)

    class Meta:
        db_table = "current_state_delta"


class StateSnapshot(models.Model):
    """The state of a room at some event, stored as a difference to an older snapshot.

    `entries` packs (key_nid, event_nid) pairs; `base_nid` is null for a full snapshot. `chain_index`
    counts the snapshots since the full one: the base of snapshot k is the one at k with its lowest
    set bit cleared, so a chain has at most log2(k) links. `size` is that of the full snapshot which
    the chain began with.
    """

    nid = own_nid()
    room_nid = ref(index=True)
    base_nid = ref(null=True)
    chain_index = models.IntegerField()
    size = models.IntegerField()
    entries = models.BinaryField()

    class Meta:
        db_table = "state_snapshot"


class Membership(models.Model):
    """The present membership of a user, local or remote, in a room."""

    pk = models.CompositePrimaryKey("room_nid", "user_nid")
    room_nid = ref()
    user_nid = ref()
    membership = models.SmallIntegerField()
    event_nid = ref()
    sender_nid = ref()
    is_local = models.BooleanField()
    forgotten = models.BooleanField(default=False)
    # Whether the user has push rules of their own: those are evaluated one by one.
    custom_push = models.BooleanField(default=False)
    # The position of the last membership event, and of the last that changed `membership`.
    position = stream_position()
    changed_position = stream_position()

    class Meta:
        db_table = "membership"
        indexes = [
            models.Index(fields=["user_nid", "membership"], name="membership_user"),
            models.Index(fields=["room_nid", "membership", "is_local"], name="membership_room"),
            models.Index(
                fields=["room_nid"], name="membership_custom_push", condition=models.Q(custom_push=True)
            ),
            models.Index(
                fields=["user_nid", "position"],
                name="membership_user_position",
                condition=models.Q(is_local=True),
            ),
        ]


class RoomServer(models.Model):
    """How many users of a server are joined to a room."""

    pk = models.CompositePrimaryKey("room_nid", "server_nid")
    room_nid = ref()
    server_nid = ref(index=True)
    joined = models.IntegerField()

    class Meta:
        db_table = "room_server"


class RoomSummary(models.Model):
    """What directories, summaries and room lists show of a room, taken from its present state."""

    room_nid = models.BigIntegerField(primary_key=True)
    name = models.TextField(null=True)
    topic = models.TextField(null=True)
    canonical_alias = models.TextField(null=True)
    avatar_url = models.TextField(null=True)
    room_type = models.TextField(null=True)
    join_rule = models.TextField(default="invite")
    history_visibility = models.TextField(default="shared")
    guest_access = models.TextField(default="forbidden")
    encryption = models.TextField(null=True)
    federate = models.BooleanField(default=True)
    joined_members = models.IntegerField(default=0)
    invited_members = models.IntegerField(default=0)
    local_joined_members = models.IntegerField(default=0)

    class Meta:
        db_table = "room_summary"
        indexes = [models.Index(fields=["-joined_members", "room_nid"], name="room_summary_joined")]


class RoomAlias(models.Model):
    """An alias of this server."""

    alias = models.TextField(primary_key=True)
    room_nid = ref(index=True)
    creator_nid = ref()
    created_ts = timestamp()

    class Meta:
        db_table = "room_alias"


class AppserviceRoom(models.Model):
    """A room in the directory that an application service keeps for one of its networks."""

    pk = models.CompositePrimaryKey("appservice_id", "network_id", "room_nid")
    appservice_id = models.TextField()
    network_id = models.TextField()
    room_nid = ref(index=True)

    class Meta:
        db_table = "appservice_room"


class ForwardExtremity(models.Model):
    """An event of a room that no other event names as its predecessor yet."""

    pk = models.CompositePrimaryKey("room_nid", "event_nid")
    room_nid = ref()
    event_nid = ref()

    class Meta:
        db_table = "forward_extremity"


class BackwardExtremity(models.Model):
    """An event that is named as a predecessor and is not here: history goes on behind it."""

    pk = models.CompositePrimaryKey("room_nid", "missing_event_id", "event_nid")
    room_nid = ref()
    missing_event_id = models.TextField()
    event_nid = ref()

    class Meta:
        db_table = "backward_extremity"
        indexes = [models.Index(fields=["missing_event_id"], name="backward_extremity_missing")]


class InviteState(models.Model):
    """The stripped state that came with an invite or a knock: a list of events, as JSON."""

    pk = models.CompositePrimaryKey("room_nid", "user_nid")
    room_nid = ref()
    user_nid = ref()
    events = models.BinaryField()

    class Meta:
        db_table = "invite_state"
