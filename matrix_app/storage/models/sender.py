"""What the sender to other servers keeps beside the positions of its destinations."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class SenderProgress(models.Model):
    """One row: up to which position every change has reached its destinations, or is noted as owed to them.

    `seen_ts` says when the sender was last at work.
    """

    nid = models.IntegerField(primary_key=True)
    position = stream_position()
    seen_ts = timestamp()

    class Meta:
        db_table = "sender_progress"


class UnroutedChange(models.Model):
    """A change of the stream of which it could not be found whom it is for, and the `fault` that kept it.

    The columns before `failed_ts` are those of `StreamLog`, which does not keep changes as long.
    """

    position = models.BigIntegerField(primary_key=True)
    kind = models.SmallIntegerField()
    room_nid = ref(null=True)
    user_nid = ref(null=True)
    failed_ts = timestamp()
    attempts = models.IntegerField()
    retry_ts = timestamp()
    fault = models.TextField()

    class Meta:
        db_table = "unrouted_change"


class OutboundToDevice(models.Model):
    """A message to devices of users of another server, until that server has taken it.

    `content` is the content of the `m.direct_to_device` EDU, as JSON.
    """

    nid = own_nid()
    server_nid = ref()
    position = models.BigIntegerField(db_index=True)
    content = models.BinaryField()
    created_ts = timestamp()

    class Meta:
        db_table = "outbound_to_device"
        indexes = [models.Index(fields=["server_nid", "nid"], name="outbound_to_device_server")]
