"""Media: what was uploaded here or fetched from other servers. The bytes are in a store, by their hash."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class Media(models.Model):
    """What an `mxc://` URI stands for; `sha256` is null until it has been uploaded."""

    nid = own_nid()
    server_nid = ref()
    media_id = models.TextField()
    # Who uploaded it; null for media of other servers, and of this one itself.
    user_nid = ref(null=True)
    created_ts = timestamp()
    # Until when an ID that was made in advance can be uploaded to.
    expires_ts = timestamp(null=True)
    last_used_ts = timestamp()
    sha256 = models.BinaryField(null=True)
    # That of its file, which is here too so that lists and sums need not look at each file.
    size = models.BigIntegerField(null=True)
    content_type = models.TextField(default="")
    file_name = models.TextField(null=True)
    # False for media from before the freeze of the endpoints without authentication.
    authenticated = models.BooleanField(default=True)
    quarantined_ts = timestamp(null=True)
    quarantined_by_nid = ref(null=True)
    # Since when moderators say that it is harmless: no quarantine takes it.
    protected_ts = timestamp(null=True)

    class Meta:
        db_table = "media"
        constraints = [models.UniqueConstraint(fields=["server_nid", "media_id"], name="media_mxc")]
        indexes = [
            models.Index(
                fields=["user_nid", "nid"], name="media_by_user", condition=models.Q(user_nid__isnull=False)
            ),
            models.Index(fields=["sha256"], name="media_by_sha256", condition=models.Q(sha256__isnull=False)),
            models.Index(
                fields=["last_used_ts"], name="media_by_use", condition=models.Q(user_nid__isnull=True)
            ),
            models.Index(
                fields=["expires_ts"], name="media_by_expiry", condition=models.Q(expires_ts__isnull=False)
            ),
            models.Index(
                fields=["created_ts", "nid"], name="media_by_time", condition=models.Q(sha256__isnull=False)
            ),
            models.Index(
                fields=["last_used_ts", "nid"],
                name="media_by_last_use",
                condition=models.Q(sha256__isnull=False),
            ),
            models.Index(
                fields=["size", "nid"], name="media_by_size", condition=models.Q(size__isnull=False)
            ),
            models.Index(
                fields=["user_nid", "server_nid", "size"],
                name="media_usage",
                condition=models.Q(size__isnull=False),
            ),
            models.Index(
                fields=["created_ts", "nid"],
                name="media_quarantined",
                condition=models.Q(quarantined_ts__isnull=False),
            ),
            models.Index(
                fields=["nid"],
                name="media_unsized",
                condition=models.Q(sha256__isnull=False, size__isnull=True),
            ),
        ]


class MediaFile(models.Model):
    """A file in the store, which any number of media may be."""

    sha256 = models.BinaryField(primary_key=True)
    size = models.BigIntegerField()
    created_ts = timestamp()
    # Its name in the store, which no other file ever had.
    location = models.TextField(default="", db_default="")

    class Meta:
        db_table = "media_file"
        indexes = [
            models.Index(fields=["location"], name="media_file_location"),
            models.Index(fields=["size"], name="media_file_size"),
        ]


class MediaThumbnail(models.Model):
    """A thumbnail of a file in the store, or why there is none (`storage.media_files.Outcome`)."""

    pk = models.CompositePrimaryKey("sha256", "name")
    sha256 = models.BinaryField()
    name = models.TextField()
    outcome = models.SmallIntegerField()
    content_type = models.TextField()
    size = models.BigIntegerField()
    created_ts = timestamp()
    # Its name in the store; empty when there is none.
    location = models.TextField(default="", db_default="")

    class Meta:
        db_table = "media_thumbnail"
        indexes = [
            models.Index(fields=["location"], name="media_thumbnail_location"),
            models.Index(fields=["size"], name="media_thumbnail_size", condition=~models.Q(location="")),
        ]


class BlockedMedia(models.Model):
    """A file that is neither taken nor served, by its hash."""

    sha256 = models.BinaryField(primary_key=True)
    blocked_ts = timestamp()
    blocked_by_nid = ref(null=True)

    class Meta:
        db_table = "blocked_media"


class MediaRemoval(models.Model):
    """A file that nothing refers to any more, and that the store is still to remove."""

    location = models.TextField(primary_key=True)
    created_ts = timestamp()

    class Meta:
        db_table = "media_removal"


class UrlPreview(models.Model):
    """What a page said of itself in some hour."""

    pk = models.CompositePrimaryKey("url_hash", "hour")
    # SHA-256 of the address.
    url_hash = models.BinaryField()
    # Milliseconds since the epoch, at the full hour.
    hour = timestamp()
    # The answer's JSON; empty where the page could not be read.
    content = models.BinaryField()
    expires_ts = timestamp()

    class Meta:
        db_table = "url_preview"
        indexes = [models.Index(fields=["expires_ts"], name="url_preview_by_expiry")]
