"""The OAuth 2.0 API: clients, what was granted to them, and which devices they are. Codes are hashes only."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, timestamp


class OAuthClient(models.Model):
    """A registered client; those with the same metadata are one."""

    nid = own_nid()
    client_id = models.TextField(unique=True)
    metadata_hash = models.BinaryField(unique=True)
    metadata = models.BinaryField()
    created_ts = timestamp()
    # When somebody registered it last, or signed in with it.
    used_ts = timestamp()

    class Meta:
        db_table = "oauth_client"
        indexes = [models.Index(fields=["used_ts"], name="oauth_client_used")]


class OAuthSession(models.Model):
    """A device that has signed in by the OAuth 2.0 API, and the client that it is."""

    device_nid = models.BigIntegerField(primary_key=True)
    client_nid = ref(index=True)
    scope = models.TextField()
    created_ts = timestamp()

    class Meta:
        db_table = "oauth_session"


class OAuthCode(models.Model):
    """An authorization code. One that has been used stays for a while, so that its second use is noticed."""

    code_hash = models.BinaryField(primary_key=True)
    client_nid = ref(index=True)
    user_nid = ref(index=True)
    redirect_uri = models.TextField()
    code_challenge = models.TextField()
    scope = models.TextField()
    expires_ts = timestamp()
    # The device that was signed in with the code.
    device_nid = ref(null=True, index=True)

    class Meta:
        db_table = "oauth_code"
        indexes = [models.Index(fields=["expires_ts"], name="oauth_code_expires")]


class OAuthDeviceGrant(models.Model):
    """A device that waits for somebody to allow it, in a browser and by its user code, to sign in."""

    device_code_hash = models.BinaryField(primary_key=True)
    user_code_hash = models.BinaryField(unique=True)
    client_nid = ref(index=True)
    scope = models.TextField()
    # Who has decided, and how; null while nobody has.
    user_nid = ref(null=True, index=True)
    allowed = models.BooleanField(null=True)
    # How many seconds the client has to wait between two questions, and when it asked last.
    wait_seconds = models.IntegerField()
    asked_ts = timestamp()
    expires_ts = timestamp()

    class Meta:
        db_table = "oauth_device_grant"
        indexes = [models.Index(fields=["expires_ts"], name="oauth_device_grant_expires")]
