"""Application services: those that were added at run time, and what each is still to be sent."""

from django.db import models

from matrix_app.storage.models.fields import stream_position, timestamp


class AppserviceRegistration(models.Model):
    """An application service that was added while the server ran; `registration` is JSON."""

    id = models.TextField(primary_key=True)
    registration = models.BinaryField()
    created_ts = timestamp()

    class Meta:
        db_table = "appservice_registration"


class AppserviceProgress(models.Model):
    """Up to which position a service has been sent everything.

    `pending` is the body of the transaction that is under way, which must not change until the service has
    taken it: it reaches up to `pending_position`, and holds messages to `pending_devices`, a JSON list of
    (device, position). Whoever fails is left alone until `retry_ts`.
    """

    id = models.TextField(primary_key=True)
    position = stream_position()
    created_ts = timestamp()
    transactions = models.BigIntegerField(default=0)
    pending = models.BinaryField(null=True)
    pending_position = models.BigIntegerField(null=True)
    pending_devices = models.BinaryField(null=True)
    is_paused = models.BooleanField(default=False)
    failing_since_ts = timestamp(null=True)
    failures = models.IntegerField(default=0)
    retry_ts = timestamp(null=True)
    told_ts = timestamp(null=True)
    fault = models.TextField(null=True)

    class Meta:
        db_table = "appservice_progress"
