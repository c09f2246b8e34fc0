"""What users keep about threads."""

from django.db import models

from matrix_app.storage.models.fields import ref, stream_position


class ThreadSubscription(models.Model):
    """A user's subscription to a thread (MSC4306), or that it has ended."""

    pk = models.CompositePrimaryKey("user_nid", "root_nid")
    user_nid = ref()
    root_nid = ref(index=True)
    room_nid = ref(index=True)
    # Whether the user is subscribed, and if a client did that by itself.
    subscribed = models.BooleanField()
    automatic = models.BooleanField()
    position = stream_position()
    # Where the room stood when the user unsubscribed: no earlier event subscribes them again.
    ended_at = models.BigIntegerField(null=True)

    class Meta:
        db_table = "thread_subscription"
        indexes = [models.Index(fields=["user_nid", "position"], name="thread_subscription_changes")]
