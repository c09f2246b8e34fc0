"""Users, local and remote, and the accounts of local ones."""

from django.db import models

from matrix_app.storage.models.fields import own_nid, ref, stream_position, timestamp


class Server(models.Model):
    """A server name, interned."""

    nid = own_nid()
    name = models.TextField(unique=True)

    class Meta:
        db_table = "server"


class User(models.Model):
    """A user ID, interned; local and remote alike."""

    nid = own_nid()
    user_id = models.TextField(unique=True)
    server_nid = ref(index=True)
    is_local = models.BooleanField()

    class Meta:
        db_table = "matrix_user"


class Account(models.Model):
    """The account of a local user."""

    user_nid = models.BigIntegerField(primary_key=True)
    password_hash = models.TextField(null=True)
    is_admin = models.BooleanField(default=False)
    is_guest = models.BooleanField(default=False)
    created_ts = timestamp()
    deactivated_ts = timestamp(null=True)
    erased = models.BooleanField(default=False)
    locked_ts = timestamp(null=True)
    suspended_ts = timestamp(null=True)
    appservice_id = models.TextField(null=True)
    terms_version = models.TextField(default="")
    last_active_ts = timestamp(null=True)
    # What holds in place of the configuration's limits of messages; 0 a second for none at all.
    messages_per_second = models.IntegerField(null=True)
    messages_burst = models.IntegerField(null=True)

    class Meta:
        db_table = "account"
        indexes = [models.Index(fields=["created_ts"], name="account_created")]


class Profile(models.Model):
    """One profile field of a user; `value` is JSON. Remote users' fields are kept as last seen."""

    pk = models.CompositePrimaryKey("user_nid", "field")
    user_nid = ref()
    field = models.TextField()
    value = models.BinaryField()

    class Meta:
        db_table = "profile"


class ProfilePropagation(models.Model):
    """A user whose changed name or avatar has still to reach some of their rooms."""

    user_nid = models.BigIntegerField(primary_key=True)
    changed_ts = timestamp()

    class Meta:
        db_table = "profile_propagation"
        indexes = [models.Index(fields=["changed_ts"], name="profile_propagation_changed")]


class UserDirectoryEntry(models.Model):
    """What the user directory searches: folded names of users that somebody here may find."""

    user_nid = models.BigIntegerField(primary_key=True)
    search_text = models.TextField()

    class Meta:
        db_table = "user_directory"


class Presence(models.Model):
    """The presence of a user."""

    user_nid = models.BigIntegerField(primary_key=True)
    presence = models.TextField()
    status_msg = models.TextField(null=True)
    last_active_ts = timestamp()
    currently_active = models.BooleanField(default=False)
    last_sync_ts = timestamp(null=True)
    position = stream_position()

    class Meta:
        db_table = "presence"
        indexes = [models.Index(fields=["position"], name="presence_position")]


class ThreePid(models.Model):
    """A third-party identifier of an account; `address` is case-folded for email."""

    nid = own_nid()
    user_nid = ref(index=True)
    medium = models.TextField()
    address = models.TextField()
    validated_ts = timestamp()
    added_ts = timestamp()

    class Meta:
        db_table = "threepid"
        constraints = [models.UniqueConstraint(fields=["medium", "address"], name="threepid_address")]


class ThreePidSession(models.Model):
    """A validation of a third-party identifier under way."""

    sid = models.TextField(primary_key=True)
    client_secret = models.TextField()
    medium = models.TextField()
    address = models.TextField()
    purpose = models.TextField()
    token_hash = models.BinaryField()
    send_attempt = models.BigIntegerField()
    next_link = models.TextField(null=True)
    created_ts = timestamp()
    validated_ts = timestamp(null=True)

    class Meta:
        db_table = "threepid_session"
        indexes = [
            models.Index(fields=["medium", "address", "client_secret"], name="threepid_session_address"),
            models.Index(fields=["created_ts"], name="threepid_session_created"),
        ]


class ThreePidBinding(models.Model):
    """An address that was bound through this server, so that it can be unbound there."""

    nid = own_nid()
    user_nid = ref()
    medium = models.TextField()
    address = models.TextField()
    id_server = models.TextField()

    class Meta:
        db_table = "threepid_binding"
        constraints = [
            models.UniqueConstraint(
                fields=["user_nid", "medium", "address", "id_server"], name="threepid_binding_of_user"
            )
        ]


class RegistrationToken(models.Model):
    """A token that lets somebody register."""

    token = models.TextField(primary_key=True)
    uses_allowed = models.BigIntegerField(null=True)
    pending = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0)
    expires_ts = timestamp(null=True)
    created_ts = timestamp()

    class Meta:
        db_table = "registration_token"
