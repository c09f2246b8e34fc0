"""Settings of media: where they are kept, how large they may be, and what is fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import field

from appliance.config.fields import Section, doc, natural, path, positive


class S3(Section, frozen=True):
    """An object store that speaks S3, for `store = "s3"`."""

    endpoint: Annotated[str, doc("Its address, such as https://s3.example.org; empty for Amazon's own.")] = ""
    bucket: Annotated[str, doc("The name of the bucket, which must be there already.")] = ""
    region: Annotated[str, doc("The region of the bucket.")] = "us-east-1"
    prefix: Annotated[str, doc("What the names of all objects begin with; empty for nothing.")] = ""
    access_key_file: Annotated[
        Path | None, path("The file with the access key; relative to `secrets_dir`.", "secrets")
    ] = None
    secret_key_file: Annotated[
        Path | None, path("The file with the secret key; relative to `secrets_dir`.", "secrets")
    ] = None
    path_style: Annotated[
        bool, doc("Whether the bucket is in the path of addresses and not in the name of the host.")
    ] = True
    timeout_seconds: Annotated[int, positive("How long to wait for a connection, and to try again.")] = 10


class Previews(Section, frozen=True):
    """Which pages are fetched to show previews of links, when `url_previews` is on."""

    deny_hosts: Annotated[
        tuple[str, ...], doc("Hosts of which no previews are made; * and ? are wildcards.")
    ] = ()
    allow_hosts: Annotated[
        tuple[str, ...], doc("When not empty, previews are made of these hosts only; * and ? are wildcards.")
    ] = ()
    allowed_networks: Annotated[
        tuple[str, ...], doc("Networks that are connected to although they are private, such as 10.1.0.0/16.")
    ] = ()
    denied_networks: Annotated[tuple[str, ...], doc("Networks that are never connected to.")] = ()
    ports: Annotated[tuple[int, ...], doc("The ports that are connected to; none for all.")] = (80, 443)
    languages: Annotated[
        tuple[str, ...], doc("The languages that pages are asked for, such as de or en-GB, best first.")
    ] = ("en",)
    max_page_bytes: Annotated[int, positive("How much of a page is read.")] = 1_048_576
    max_image_bytes: Annotated[int, positive("The largest picture of a page that is fetched.")] = 10_485_760
    timeout_seconds: Annotated[int, positive("How long a page and its picture may take, each.")] = 20
    image_days: Annotated[int, positive("Pictures of previews are removed after so many days.")] = 3
    most_kept: Annotated[int, positive("How many previews are remembered.")] = 20_000


class Media(Section, frozen=True):
    """Pictures and files."""

    store: Annotated[
        Literal["folder", "s3"], doc("folder: files are kept in `dir`; s3: in an object store.")
    ] = "folder"
    dir: Annotated[Path, path("The folder where media are stored; relative to `data_dir`.", "data")] = Path(
        "media"
    )
    s3: Annotated[S3, doc("The object store.")] = field(default_factory=S3)
    max_upload_bytes: Annotated[int, positive("The largest file that may be uploaded.")] = 52_428_800
    max_pending_uploads: Annotated[
        int, positive("How many media a user may have announced without having uploaded them yet.")
    ] = 50
    pending_upload_hours: Annotated[int, positive("How long media that were announced can be uploaded.")] = 24
    user_quota_bytes: Annotated[
        int, natural("How much one user may have uploaded, all files together; 0 for no limit.")
    ] = 0
    erase_with_account: Annotated[
        bool, doc("Whether the files of users who have their account erased are removed too.")
    ] = False
    max_remote_bytes: Annotated[int, positive("The largest file that is fetched from another server.")] = (
        104_857_600
    )
    remote_days: Annotated[
        int, natural("Files of other servers unused for so many days are removed; 0 keeps them.")
    ] = 30
    remote_total_bytes: Annotated[
        int,
        natural("How much space files of other servers may take; those unused for longest go; 0: no limit."),
    ] = 0
    local_days: Annotated[
        int, natural("Files of this server's users unused for so many days are removed; 0 keeps them.")
    ] = 0
    remote_fetches: Annotated[
        int, positive("How many files are fetched from other servers at the same time, per process.")
    ] = 16
    keep_free_bytes: Annotated[
        int, natural("Nothing is uploaded or fetched when the disk has less space left than this.")
    ] = 268_435_456
    max_pixels: Annotated[int, positive("The largest picture of which thumbnails are made, in pixels.")] = (
        50_000_000
    )
    threads: Annotated[int, positive("Threads per process for uploads and downloads.")] = 4
    require_login: Annotated[
        bool,
        doc("Whether what arrives from now on can be downloaded by users and servers only, not by anybody."),
    ] = True
    unauthenticated_downloads: Annotated[
        bool, doc("Whether media from before authenticated media can be downloaded without signing in.")
    ] = True
    url_previews: Annotated[bool, doc("Whether the server fetches web pages to show a preview of links.")] = (
        False
    )
    previews: Annotated[Previews, doc("Which pages are fetched.")] = field(default_factory=Previews)
