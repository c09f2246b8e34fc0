"""What users take with them of their accounts: an archive in parts, for a while."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class AccountExport(models.Model):
    """An archive of what an account has here; `state` says how far its long task is."""

    nid = own_nid()
    user_nid = ref(index=True)
    task_nid = ref()
    # Who may fetch it: the user, or the administrators.
    for_admins = models.BooleanField()
    state = models.BinaryField(default=b"{}")
    size = models.BigIntegerField(default=0)
    created_ts = timestamp()
    # Null until it is whole.
    ready_ts = timestamp(null=True)
    expires_ts = timestamp()

    class Meta:
        db_table = "account_export"
        indexes = [models.Index(fields=["expires_ts"], name="account_export_expiry")]


class AccountExportPart(models.Model):
    """A part of an archive: a file in the store of media, and the entries of the archive that begin in it."""

    pk = models.CompositePrimaryKey("export_nid", "number")
    export_nid = ref()
    number = models.IntegerField()
    location = models.TextField()
    size = models.BigIntegerField()
    entries = models.BinaryField()

    class Meta:
        db_table = "account_export_part"
        indexes = [models.Index(fields=["location"], name="account_export_location")]
