"""Keys and messages of end-to-end encryption: the server stores and hands on, no more."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class DeviceKeys(models.Model):
    """The identity keys of a device, local or remote, as signed JSON.

    `display_name` is that of a remote device; the names of local ones are with the device.
    """

    pk = models.CompositePrimaryKey("user_nid", "device_id")
    user_nid = ref()
    device_id = models.TextField()
    keys = models.BinaryField()
    stream_id = models.BigIntegerField(default=0)
    display_name = models.TextField(null=True)

    class Meta:
        db_table = "device_keys"


class OneTimeKey(models.Model):
    """An unclaimed one-time key. The service that stores them keeps their names apart, with the user locked.

    A second index would cost each claim of many devices' keys as much as the first.
    """

    nid = own_nid()
    device_nid = ref()
    algorithm = models.TextField()
    key_id = models.TextField()
    key = models.BinaryField()
    created_ts = timestamp()

    class Meta:
        db_table = "one_time_key"
        indexes = [models.Index(fields=["device_nid", "algorithm", "nid"], name="one_time_key_oldest")]


class FallbackKey(models.Model):
    """A device's fallback key for an algorithm."""

    pk = models.CompositePrimaryKey("device_nid", "algorithm")
    device_nid = ref()
    algorithm = models.TextField()
    key_id = models.TextField()
    key = models.BinaryField()
    used = models.BooleanField(default=False)

    class Meta:
        db_table = "fallback_key"


class CrossSigningKey(models.Model):
    """A cross-signing key of a user: `usage` is master, self_signing or user_signing."""

    pk = models.CompositePrimaryKey("user_nid", "usage")
    user_nid = ref()
    usage = models.TextField()
    key = models.BinaryField()

    class Meta:
        db_table = "cross_signing_key"


class CrossSigningReset(models.Model):
    """Until when a user may replace their cross-signing keys without the password."""

    user_nid = models.BigIntegerField(primary_key=True)
    until_ts = timestamp()

    class Meta:
        db_table = "cross_signing_reset"


class KeySignature(models.Model):
    """A signature by a local user's key on a device key or a cross-signing key."""

    pk = models.CompositePrimaryKey("signer_nid", "key_id", "target_nid", "target_key")
    signer_nid = ref()
    key_id = models.TextField()
    target_nid = ref()
    target_key = models.TextField()
    signature = models.TextField()

    class Meta:
        db_table = "key_signature"
        indexes = [models.Index(fields=["target_nid", "target_key"], name="key_signature_target")]


class RemoteDeviceList(models.Model):
    """Devices of a user of another server that are kept while the user shares a room with somebody here.

    Only a list that `is_current` is used. `stream_id` is the last change that it has, by the count of the
    user's server; none is known where the keys were learned without. `epoch` counts what has put the list out
    of date, so that an answer which was on its way meanwhile does not pass for current. A list that is not
    current is asked for from `retry_ts` on; `asked_ts` is when that was last tried in vain.
    """

    user_nid = models.BigIntegerField(primary_key=True)
    server_nid = ref()
    stream_id = models.BigIntegerField(null=True)
    epoch = models.BigIntegerField(default=0)
    is_current = models.BooleanField(default=False)
    attempts = models.IntegerField(default=0)
    retry_ts = timestamp()
    asked_ts = timestamp(null=True)

    class Meta:
        db_table = "remote_device_list"
        indexes = [
            models.Index(
                fields=["retry_ts"], name="remote_device_list_stale", condition=models.Q(is_current=False)
            )
        ]


class DeviceListChange(models.Model):
    """A change in a device of a user, or in the user's cross-signing keys where no device is named.

    Of a remote user no device is ever named. `previous` is the position of the change of a device of the
    same user before this one, for the chain that other servers follow.
    """

    position = models.BigIntegerField(primary_key=True)
    user_nid = ref()
    device_id = models.TextField(null=True)
    previous = models.BigIntegerField(null=True)

    class Meta:
        db_table = "device_list_change"
        indexes = [models.Index(fields=["user_nid", "position"], name="device_list_change_user")]


class KeySignatureChange(models.Model):
    """A signature on a user's key that only the user who made it sees."""

    position = models.BigIntegerField(primary_key=True)
    signer_nid = ref()
    target_nid = ref()

    class Meta:
        db_table = "key_signature_change"
        indexes = [models.Index(fields=["signer_nid", "position"], name="key_signature_change_signer")]


class DehydratedDevice(models.Model):
    """The device of a user that receives messages while the user is signed in nowhere."""

    user_nid = models.BigIntegerField(primary_key=True)
    device_nid = ref()
    device_data = models.BinaryField()

    class Meta:
        db_table = "dehydrated_device"


class ToDeviceMessage(models.Model):
    """A to-device message that its device has not acknowledged yet."""

    nid = own_nid()
    device_nid = ref()
    position = stream_position()
    content = models.BinaryField()

    class Meta:
        db_table = "to_device_message"
        constraints = [
            models.UniqueConstraint(fields=["device_nid", "position"], name="to_device_message_of_device"),
        ]


class KeyBackupVersion(models.Model):
    """A version of a user's key backup."""

    nid = own_nid()
    user_nid = ref()
    version = models.BigIntegerField()
    algorithm = models.TextField()
    auth_data = models.BinaryField()
    etag = models.BigIntegerField(default=0)
    session_count = models.BigIntegerField(default=0)
    deleted = models.BooleanField(default=False)

    class Meta:
        db_table = "key_backup_version"
        constraints = [
            models.UniqueConstraint(fields=["user_nid", "version"], name="key_backup_version_of_user")
        ]


class KeyBackupSession(models.Model):
    """A backed-up session."""

    pk = models.CompositePrimaryKey("version_nid", "room_id", "session_id")
    version_nid = ref()
    room_id = models.TextField()
    session_id = models.TextField()
    first_message_index = models.BigIntegerField()
    forwarded_count = models.BigIntegerField()
    is_verified = models.BooleanField()
    session_data = models.BinaryField()

    class Meta:
        db_table = "key_backup_session"


class ServerKey(models.Model):
    """A verify key of another server, until `valid_until_ts`, with the signed answer that it came in."""

    pk = models.CompositePrimaryKey("server_name", "key_id")
    server_name = models.TextField()
    key_id = models.TextField()
    verify_key = models.BinaryField()
    valid_until_ts = timestamp()
    expired_ts = timestamp(null=True)
    fetched_ts = models.BigIntegerField(default=0)
    response = models.BinaryField()

    class Meta:
        db_table = "server_key"
