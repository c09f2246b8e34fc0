"""What other servers sent and has not been worked off yet."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class StagedPdu(models.Model):
    """A PDU that was accepted from `origin_nid` and waits to be judged; removed with its judgement.

    `needs_asking` is set once other servers have to be asked before it can be judged; `retry_ts` is then when
    that may be done. What several servers send waits for each of them: one may be unable to complete it.
    """

    nid = own_nid()
    room_nid = ref()
    origin_nid = ref(index=True)
    event_id = models.TextField()
    json = models.BinaryField()
    received_ts = timestamp()
    needs_asking = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    retry_ts = models.BigIntegerField(default=0)

    class Meta:
        db_table = "staged_pdu"
        indexes = [models.Index(fields=["room_nid", "needs_asking", "nid"], name="staged_pdu_room")]
        constraints = [
            models.UniqueConstraint(fields=["event_id", "origin_nid"], name="staged_pdu_once_an_origin")
        ]


class InboundTransaction(models.Model):
    """The last transaction of each server, and what it was answered: servers repeat but the last."""

    origin_nid = models.BigIntegerField(primary_key=True)
    txn_id = models.TextField()
    answer = models.BinaryField()

    class Meta:
        db_table = "inbound_transaction"


class ReceivedDeviceMessage(models.Model):
    """A message to devices that another server has sent, by its ID, so that it is delivered once."""

    pk = models.CompositePrimaryKey("origin_nid", "message_id")
    origin_nid = ref()
    message_id = models.TextField()
    received_ts = timestamp()

    class Meta:
        db_table = "received_device_message"
        indexes = [models.Index(fields=["received_ts"], name="received_device_message_ts")]
