"""What the web pages need: sessions in browsers, second factors, the audit log, settings, long tasks."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class WebSession(models.Model):
    """Somebody signed in to the pages in a browser; `area` is admin or account, each with its own cookie."""

    nid = own_nid()
    token_hash = models.BinaryField(unique=True)
    area = models.TextField()
    user_nid = ref(index=True)
    created_ts = timestamp()
    last_used_ts = timestamp()
    # Until when dangerous actions need no password; null while a second factor is still asked for.
    confirmed_until_ts = timestamp(null=True)
    second_factor_pending = models.BooleanField(default=False)
    ip = models.TextField(default="")
    user_agent = models.TextField(default="")

    class Meta:
        db_table = "web_session"
        indexes = [
            models.Index(fields=["last_used_ts"], name="web_session_used"),
            models.Index(fields=["user_nid", "last_used_ts"], name="web_session_of_user"),
        ]


class TotpDevice(models.Model):
    """The authenticator app of a user. The secret is sealed with a key that is not in the database."""

    user_nid = models.BigIntegerField(primary_key=True)
    sealed_secret = models.BinaryField()
    # Null until the first code has proved that the app has the secret.
    confirmed_ts = timestamp(null=True)
    # The time step of the last code that was accepted: none is accepted twice.
    last_step = models.BigIntegerField(default=0)

    class Meta:
        db_table = "totp_device"


class RecoveryCode(models.Model):
    """A code that opens an account once when the second factor is lost; only its hash is stored."""

    pk = models.CompositePrimaryKey("user_nid", "code_hash")
    user_nid = ref()
    code_hash = models.BinaryField()

    class Meta:
        db_table = "recovery_code"


class Passkey(models.Model):
    """A WebAuthn credential of a user."""

    nid = own_nid()
    user_nid = ref(index=True)
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    name = models.TextField()
    created_ts = timestamp()
    last_used_ts = timestamp(null=True)
    # How authenticators know the user: random, and the same for all passkeys of a user.
    user_handle = models.BinaryField(default=b"")
    # The domain for which it was made; it works for no other.
    rp_id = models.TextField(default="", db_default="")

    class Meta:
        db_table = "passkey"


class AuditEntry(models.Model):
    """Who did what to what. Rows are only added, and removed by age."""

    nid = own_nid()
    ts = timestamp()
    # Null for the command line and for Hearth itself.
    actor_nid = ref(null=True)
    via = models.TextField()
    action = models.TextField()
    target = models.TextField(default="")
    details = models.BinaryField(default=b"{}")
    ip = models.TextField(default="")

    class Meta:
        db_table = "audit_entry"
        indexes = [
            models.Index(fields=["ts"], name="audit_entry_ts"),
            models.Index(fields=["action", "nid"], name="audit_entry_action"),
            models.Index(fields=["target", "nid"], name="audit_entry_target"),
        ]


class Setting(models.Model):
    """A setting changed on a page: its key as in hearth.toml, such as registration.mode, and JSON."""

    key = models.TextField(primary_key=True)
    value = models.BinaryField()
    changed_ts = timestamp()
    changed_by_nid = ref(null=True)

    class Meta:
        db_table = "setting"


class LongTask(models.Model):
    """Work that takes minutes, with its progress. The truth of where it is, is `checkpoint`."""

    nid = own_nid()
    kind = models.TextField()
    title = models.TextField()
    params = models.BinaryField(default=b"{}")
    # queued, running, done, failed or cancelled
    state = models.TextField()
    step = models.TextField(default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    checkpoint = models.BinaryField(default=b"{}")
    result = models.BinaryField(default=b"{}")
    error = models.TextField(default="")
    cancel_requested = models.BooleanField(default=False)
    actor_nid = ref(null=True)
    created_ts = timestamp()
    started_ts = timestamp(null=True)
    heartbeat_ts = timestamp(null=True)
    finished_ts = timestamp(null=True)

    class Meta:
        db_table = "long_task"
        indexes = [
            models.Index(
                fields=["heartbeat_ts"],
                name="long_task_unfinished",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            models.Index(fields=["finished_ts"], name="long_task_finished"),
        ]


class LongTaskLine(models.Model):
    """A line of the log of a long task: a step that it came to, or something that did not work."""

    nid = own_nid()
    task_nid = ref()
    ts = timestamp()
    is_warning = models.BooleanField()
    text = models.TextField()

    class Meta:
        db_table = "long_task_line"
        indexes = [models.Index(fields=["task_nid", "nid"], name="long_task_line_task")]


class UserImport(models.Model):
    """A table of users that an administrator has uploaded: sealed, since passwords may be in it."""

    nid = own_nid()
    sealed = models.BinaryField()
    options = models.BinaryField()
    # What would happen: sealed, and null until it was looked at. A task does that where it takes long.
    findings = models.BinaryField(null=True)
    look_task_nid = ref(null=True)
    # Null until it is begun with.
    task_nid = ref(null=True)
    created_ts = timestamp()
    expires_ts = timestamp()

    class Meta:
        db_table = "user_import"


class UserImportRow(models.Model):
    """A row of such a table that has been done; without a reason an account was made."""

    pk = models.CompositePrimaryKey("import_nid", "number")
    import_nid = ref()
    number = models.IntegerField()
    user_id = models.TextField()
    reason = models.TextField(null=True)
    # Null where the table had one, and once it was fetched.
    sealed_password = models.BinaryField(null=True)

    class Meta:
        db_table = "user_import_row"


class CheckResult(models.Model):
    """What a check of the diagnostics found last, and since when it has been so."""

    id = models.TextField(primary_key=True)
    status = models.TextField()
    summary = models.TextField()
    detail = models.TextField(default="")
    fix = models.TextField(default="")
    snippet = models.TextField(default="")
    data = models.BinaryField(default=b"{}")
    since_ts = timestamp()
    checked_ts = timestamp()
    # The status that was told of last in a mail.
    told_status = models.TextField(default="")

    class Meta:
        db_table = "check_result"


class CheckMute(models.Model):
    """A check of which nobody wants to be told, for a time or for good."""

    id = models.TextField(primary_key=True)
    reason = models.TextField()
    # Null: for good.
    until_ts = timestamp(null=True)
    muted_ts = timestamp()
    # Null for the command line.
    user_nid = models.BigIntegerField(null=True)

    class Meta:
        db_table = "check_mute"


class NewestRelease(models.Model):
    """The newest release that this server has heard of: one row."""

    id = models.SmallIntegerField(primary_key=True)
    version = models.TextField()
    url = models.TextField()
    asked_ts = timestamp()
    fault = models.TextField()

    class Meta:
        db_table = "newest_release"


class SetupState(models.Model):
    """How far the setup of this server is: one row, from the first time that it was unlocked."""

    id = models.SmallIntegerField(primary_key=True)
    # The step that was reached.
    step = models.TextField()
    # What the steps remember; JSON.
    data = models.BinaryField(default=b"{}")
    # Of the token of the one browser that may go on.
    token_hash = models.BinaryField(null=True)
    unlocked_ts = timestamp()
    finished_ts = timestamp(null=True)

    class Meta:
        db_table = "setup_state"
