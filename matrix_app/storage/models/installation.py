"""Which of the copies of a server this database belongs to."""

from django.db import models

from matrix_app.storage.models.fields import timestamp


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


class SchemaVersion(models.Model):
    """One row: the version that made the schema what it is, and the oldest that can work with it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.TextField()
    oldest_code = models.TextField()

    class Meta:
        db_table = "schema_version"
