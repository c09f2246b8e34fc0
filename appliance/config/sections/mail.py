"""Settings of outgoing mail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from appliance.config.fields import Section, doc, path, positive


class Mail(Section, frozen=True):
    """The mail server that Hearth sends through; without one, features that need mail are switched off."""

    host: Annotated[str, doc("The name of the mail server; empty for no mail.")] = ""
    port: Annotated[int, positive("Its port.")] = 587
    security: Annotated[
        Literal["none", "starttls", "tls"], doc("How the connection is protected: none, starttls or tls.")
    ] = "starttls"
    user: Annotated[str, doc("The account at the mail server; empty for none.")] = ""
    password: Annotated[str, doc("The account's password; better kept in `password_file`.")] = ""
    password_file: Annotated[
        Path | None, path("A file that holds the account's password; relative to `secrets_dir`.", "secrets")
    ] = None
    sender: Annotated[str, doc("The From address, such as Hearth <hearth@example.org>.")] = ""
    timeout_seconds: Annotated[int, positive("How long to wait for the mail server.")] = 20
