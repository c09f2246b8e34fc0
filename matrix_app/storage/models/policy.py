"""Moderation policy lists that this server follows. Their rules are the state of their rooms."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class PolicyList(models.Model):
    """A room whose rules are applied here, or only looked at as long as it is not enabled."""

    nid = own_nid()
    room_id = models.TextField(unique=True)
    # What it was subscribed to by, and servers that are in it.
    alias = models.TextField(default="")
    via = models.BinaryField(default=b"[]")
    # This server's own list, whose rules are written on a page.
    is_own = models.BooleanField(default=False)
    enabled = models.BooleanField(default=False)
    block_users = models.BooleanField(default=True)
    block_rooms = models.BooleanField(default=True)
    block_servers = models.BooleanField(default=True)
    added_ts = timestamp()
    # What was refused because of it.
    refused = models.BigIntegerField(default=0)
    refused_ts = timestamp(null=True)
    # When it was last looked at whom it means here.
    matched_ts = timestamp(null=True)
    # Whether invites that wait are taken back, and in which state of the list's room that was done last.
    end_invites = models.BooleanField(default=False, db_default=False)
    ended_state_nid = ref(null=True)

    class Meta:
        db_table = "policy_list"
        indexes = [models.Index(fields=["enabled", "nid"], name="policy_list_enabled")]


class PolicyMatch(models.Model):
    """Somebody or something known here that a rule of a list means, when it was last looked at."""

    pk = models.CompositePrimaryKey("list_nid", "kind", "entity")
    list_nid = ref()
    # user, server or room
    kind = models.TextField()
    entity = models.TextField()
    rule = models.TextField()
    reason = models.TextField()
    # In how many rooms with users of this server.
    rooms = models.IntegerField()

    class Meta:
        db_table = "policy_match"
