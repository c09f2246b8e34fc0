"""The one stream: every change that a client can see takes its position here."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref


class StreamLog(models.Model):
    """A log of recent changes: who has something new since which position.

    The key is the position. Rows say only what kind of thing changed and whom it concerns; the
    change itself is in the table of its kind, with the same position. Old rows are removed, the
    positions are never used again.
    """

    position = own_nid()
    kind = models.SmallIntegerField()
    room_nid = ref(null=True)
    user_nid = ref(null=True)
    device_nid = ref(null=True)
    # JSON of the devices, where one change concerns many.
    devices = models.BinaryField(null=True)

    class Meta:
        db_table = "stream_log"
