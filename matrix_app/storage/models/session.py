"""Devices and what proves who somebody is. Tokens are stored as SHA-256 hashes only."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class Device(models.Model):
    """A device of a local user."""

    nid = own_nid()
    user_nid = ref()
    device_id = models.TextField()
    display_name = models.TextField(null=True)
    created_ts = timestamp()
    last_seen_ts = timestamp(null=True)
    last_seen_ip = models.TextField(null=True)
    last_seen_user_agent = models.TextField(null=True)
    hidden = models.BooleanField(default=False)

    class Meta:
        db_table = "device"
        constraints = [models.UniqueConstraint(fields=["user_nid", "device_id"], name="device_of_user")]
        indexes = [models.Index(fields=["user_nid", "nid"], name="device_by_age")]


class AccessToken(models.Model):
    """An access token; `device_nid` is null for a token that belongs to no device."""

    nid = own_nid()
    token_hash = models.BinaryField(unique=True)
    user_nid = ref(index=True)
    device_nid = ref(null=True, index=True)
    expires_ts = timestamp(null=True)
    created_ts = timestamp()
    # The refresh token that this access token came with; used once the access token is first used.
    refresh_token_nid = ref(null=True, index=True)
    used = models.BooleanField(default=False)

    class Meta:
        db_table = "access_token"


class RefreshToken(models.Model):
    """A refresh token; `next_nid` points to the one which replaced it."""

    nid = own_nid()
    token_hash = models.BinaryField(unique=True)
    user_nid = ref(index=True)
    device_nid = ref(index=True)
    next_nid = ref(null=True)
    expires_ts = timestamp(null=True)
    created_ts = timestamp()

    class Meta:
        db_table = "refresh_token"


class OneTimeToken(models.Model):
    """Short-lived tokens: `m.login.token` logins, OpenID tokens, challenges of passkeys; `purpose` tells."""

    token_hash = models.BinaryField(primary_key=True)
    purpose = models.TextField()
    user_nid = ref(index=True)
    expires_ts = timestamp()
    data = models.BinaryField(default=b"{}")

    class Meta:
        db_table = "one_time_token"
        indexes = [models.Index(fields=["expires_ts"], name="one_time_token_expires")]


class UiaSession(models.Model):
    """A session of user-interactive authentication: what was asked, and which stages are done."""

    session_id = models.TextField(primary_key=True)
    endpoint = models.TextField()
    user_nid = ref(null=True)
    request = models.BinaryField()
    completed = models.BinaryField(default=b"{}")
    created_ts = timestamp()

    class Meta:
        db_table = "uia_session"
        indexes = [models.Index(fields=["created_ts"], name="uia_session_created")]


class ClientTransaction(models.Model):
    """A client's transaction ID and what it led to: an event, or a stored answer."""

    pk = models.CompositePrimaryKey("device_nid", "scope", "txn_id")
    device_nid = ref()
    scope = models.TextField()
    txn_id = models.TextField()
    event_nid = ref(null=True)
    response = models.BinaryField(null=True)
    created_ts = timestamp()

    class Meta:
        db_table = "client_transaction"
        indexes = [
            models.Index(
                fields=["event_nid"],
                name="client_transaction_event",
                condition=models.Q(event_nid__isnull=False),
            ),
            models.Index(fields=["created_ts"], name="client_transaction_created"),
        ]
