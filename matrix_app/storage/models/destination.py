"""What is known of a server that this one sends to."""

from django.db import models

from matrix_app.storage.models.fields import timestamp


class Destination(models.Model):
    """Whether a server answers, when it may be asked again, and how far it has been sent everything.

    One that `is_behind` lacks some of what came after `sent_position`. `flight_txn_id` is the transaction
    that was on its way last, with what stands at `flight_positions` (a JSON list): whether it has arrived
    is not known. One that answers and takes nothing has `refusals`, the last for the reason `refusal`, and is
    sent nothing until `refused_until_ts`.
    """

    server_nid = models.BigIntegerField(primary_key=True)
    failing_since_ts = timestamp(null=True)
    retry_at_ts = models.BigIntegerField(default=0)
    interval_ms = models.BigIntegerField(default=0)
    last_success_ts = timestamp(null=True)
    sent_position = models.BigIntegerField(default=0)
    is_behind = models.BooleanField(default=False)
    flight_txn_id = models.TextField(null=True)
    flight_positions = models.TextField(null=True)
    refusals = models.IntegerField(default=0, db_default=0)
    refused_until_ts = models.BigIntegerField(default=0, db_default=0)
    refusal = models.TextField(null=True)

    class Meta:
        db_table = "destination"
        indexes = [
            models.Index(
                fields=["retry_at_ts"], name="destination_behind", condition=models.Q(is_behind=True)
            )
        ]
