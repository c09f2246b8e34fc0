"""What watches over the server keeps: how its alerts fared, and figures for graphs."""

from django.db import models

from matrix_app.storage.models.fields import timestamp


class AlertChannel(models.Model):
    """A way of telling administrators: when it was used last, and what was wrong with it then."""

    channel = models.TextField(primary_key=True)
    tried_ts = timestamp()
    # Empty when the alert was taken.
    fault = models.TextField(default="")
    data = models.BinaryField(default=b"{}")

    class Meta:
        db_table = "alert_channel"


class Sample(models.Model):
    """A figure at a time. `slot` is the place in the ring of its span, so that rings never grow."""

    pk = models.CompositePrimaryKey("span", "metric", "slot")
    span = models.SmallIntegerField()
    metric = models.SmallIntegerField()
    slot = models.IntegerField()
    ts = timestamp()
    value = models.FloatField()

    class Meta:
        db_table = "sample"
