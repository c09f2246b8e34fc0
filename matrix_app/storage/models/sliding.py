"""What sliding sync has sent to each of its connections (MSC4186)."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class SlidingConnection(models.Model):
    """One loop of sliding syncs of a device. Beginning anew makes a new row."""

    nid = own_nid()
    device_nid = ref()
    conn_id = models.TextField()
    last_version = models.BigIntegerField()
    used_ts = timestamp()

    class Meta:
        db_table = "sliding_connection"
        constraints = [
            models.UniqueConstraint(fields=["device_nid", "conn_id"], name="sliding_connection_of_device"),
        ]
        indexes = [models.Index(fields=["used_ts"], name="sliding_connection_used")]


class SlidingVersion(models.Model):
    """What a connection has been sent once an answer arrives, as a difference to what it had before.

    `base` is the version which the difference is to; 0 where `entries` is all there is.
    """

    pk = models.CompositePrimaryKey("connection_nid", "version")
    connection_nid = ref()
    version = models.BigIntegerField()
    base = models.BigIntegerField()
    entries = models.BinaryField()

    class Meta:
        db_table = "sliding_version"
