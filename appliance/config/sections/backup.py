"""Settings of backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import field

from appliance.config.fields import Section, doc, natural, path, positive
from appliance.config.sections.media import S3


class BackupS3(S3, frozen=True):
    """An object store that speaks S3, for `remote = "s3"`."""

    access_key: Annotated[str, doc("The access key, where it is not in `access_key_file`.")] = ""
    secret_key: Annotated[str, doc("The secret key; better kept in `secret_key_file`.")] = ""
    timeout_seconds: Annotated[
        int, positive("How long to wait for a connection; an upload may take ten times as long.")
    ] = 60


class Sftp(Section, frozen=True):
    """A machine that is reached by SSH, for `remote = "sftp"`.

    Hearth signs in with a key of its own, whose public part `hearth remote-backup key` prints.
    """

    host: Annotated[str, doc("Its name or address.")] = ""
    port: Annotated[int, positive("Its port.")] = 22
    user: Annotated[str, doc("The account there.")] = ""
    folder: Annotated[
        str, doc("The folder for backups, which is made; where it begins without /, below the account's own.")
    ] = "hearth-backups"
    host_key: Annotated[
        str,
        doc(
            "The public key that the machine must have, such as ssh-ed25519 AAAA...; it is shown and "
            "confirmed on the page, or by `hearth remote-backup trust`."
        ),
    ] = ""
    password: Annotated[str, doc("The account's password, where Hearth's key cannot be added there.")] = ""
    password_file: Annotated[
        Path | None, path("A file that holds the password; relative to `secrets_dir`.", "secrets")
    ] = None
    timeout_seconds: Annotated[int, positive("How long to wait for a connection and for an answer.")] = 30


class Backup(Section, frozen=True):
    """Copies of everything that must not be lost, from which the server can be restored."""

    dir: Annotated[
        Path,
        path(
            "The folder for backups, best on another disk; relative to `data_dir`. Files of media are "
            "linked, not copied, when it is on the same one.",
            "data",
        ),
    ] = Path("backups")
    every_hours: Annotated[
        int, natural("How often the server makes a backup by itself, in hours; 0 for never.")
    ] = 24
    media: Annotated[bool, doc("Whether pictures and files are part of backups.")] = True
    encrypt: Annotated[
        bool,
        doc(
            "Whether backups are encrypted. Hearth makes a key, which is needed to restore on another "
            "machine: keep its emergency kit elsewhere."
        ),
    ] = False
    recipients: Annotated[
        tuple[str, ...],
        doc("Public keys of age (age1...) whose owners can open encrypted backups besides."),
    ] = ()
    keep_daily: Annotated[int, natural("Of the last days with backups, so many keep their latest one.")] = 7
    keep_weekly: Annotated[int, natural("Of the last weeks with backups, so many keep their latest one.")] = 4
    keep_monthly: Annotated[
        int, natural("Of the last months with backups, so many keep their latest one.")
    ] = 6
    upload_gib: Annotated[
        int,
        natural("How large a backup that is one file may be, in GiB, which the page of the setup takes."),
    ] = 1024
    remote: Annotated[
        Literal["none", "s3", "sftp"], doc("Where each backup is copied to as well: nowhere, `s3` or `sftp`.")
    ] = "none"
    s3: Annotated[BackupS3, doc("The object store.")] = field(default_factory=BackupS3)
    sftp: Annotated[Sftp, doc("The machine that is reached by SSH.")] = field(default_factory=Sftp)
    remote_keep_daily: Annotated[int, natural("As `keep_daily`, of the copies elsewhere.")] = 7
    remote_keep_weekly: Annotated[int, natural("As `keep_weekly`, of the copies elsewhere.")] = 4
    remote_keep_monthly: Annotated[int, natural("As `keep_monthly`, of the copies elsewhere.")] = 6
    remote_kib_per_second: Annotated[
        int, natural("How much is sent there in a second on average, in KiB; 0 for as much as can be.")
    ] = 0
    before_upgrades: Annotated[
        bool, doc("Whether the database is copied before an upgrade changes its schema.")
    ] = True
