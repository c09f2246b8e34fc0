"""Which of the copies of a server this database belongs to."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, stream_position, timestamp


class Installation(models.Model):
    """One row: a random name of this server's present life, which a restore ends.

    `backup_id` and `backup_ts` are of the backup that it was restored from at `begun_ts`.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    name = models.TextField()
    begun_ts = timestamp()
    backup_id = models.TextField(default="")
    backup_ts = timestamp(null=True)

    class Meta:
        db_table = "installation"


class LostTime(models.Model):
    """What a restore has undone: the positions after one of them and up to another, and the time of that."""

    nid = own_nid()
    after_position = stream_position()
    upto_position = stream_position()
    begun_ts = timestamp()
    ended_ts = timestamp()

    class Meta:
        db_table = "lost_time"


class RestoredDevice(models.Model):
    """What a device that was there when its server was restored has still to make up for.

    `needs_key_backup`: it has seen the lost time, and may have keys in mind that are in no backup any more.
    """

    device_nid = models.BigIntegerField(primary_key=True)
    needs_one_time_keys = models.BooleanField(default=False)
    needs_key_backup = models.BooleanField(default=False)

    class Meta:
        db_table = "restored_device"


class SchemaVersion(models.Model):
    """One row: the version that made the schema what it is, and the oldest that can work with it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.TextField()
    oldest_code = models.TextField()

    class Meta:
        db_table = "schema_version"
