"""Settings of accounts: who may have one, and what a password must be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import field

from appliance.config.fields import Section, doc, path, positive


class Terms(Section, frozen=True):
    """Terms that a new user must agree to."""

    version: Annotated[str, doc("The version of the terms; empty when there are none.")] = ""
    name: Annotated[str, doc("What the document is called.")] = "Terms of Service"
    url: Annotated[str, doc("Where the document is found.")] = ""


class Registration(Section, frozen=True):
    """Who may make an account."""

    mode: Annotated[
        Literal["open", "token", "closed"],
        doc(
            "open: anyone; token: those with a registration token; closed: only the administrator makes them."
        ),
    ] = "token"
    guests: Annotated[bool, doc("Whether guests, who have no account, may look in and join rooms.")] = False
    require_email: Annotated[bool, doc("Whether a new user must confirm a mail address.")] = False
    shared_secret_file: Annotated[
        Path,
        path(
            "The file with the secret by which local programs make accounts; relative to `secrets_dir`.",
            "secrets",
        ),
    ] = Path("registration_shared_secret")
    terms: Annotated[Terms, doc("Terms that a new user must agree to.")] = field(default_factory=Terms)
    allow_deactivation: Annotated[bool, doc("Whether users may deactivate their own accounts.")] = True
    allow_password_change: Annotated[bool, doc("Whether users may change their own passwords.")] = True
    allow_profile_change: Annotated[bool, doc("Whether users may change their own names and pictures.")] = (
        True
    )
    login_token_seconds: Annotated[
        int, positive("How long a token that signs a second device in is valid.")
    ] = 120
    access_token_seconds: Annotated[
        int, positive("How long an access token is valid when the client knows refresh tokens.")
    ] = 3600


class OAuth(Section, frozen=True):
    """Signing in from apps by the pages of this server (OAuth 2.0), as Element X does."""

    enabled: Annotated[
        bool,
        doc(
            "Whether apps may sign people in, and let them register, by this server's pages. Apps that "
            "have signed in stay so when it is turned off."
        ),
    ] = True


class PasswordPolicy(Section, frozen=True):
    """What a password must be, and what it costs to check one."""

    minimum_length: Annotated[int, positive("The fewest characters of a password.")] = 8
    require_digit: Annotated[bool, doc("Whether a password must hold a digit.")] = False
    require_symbol: Annotated[bool, doc("Whether a password must hold a symbol.")] = False
    require_lowercase: Annotated[bool, doc("Whether a password must hold a small letter.")] = False
    require_uppercase: Annotated[bool, doc("Whether a password must hold a capital letter.")] = False
    argon2_memory_kib: Annotated[
        int, positive("The memory that one Argon2id hash takes, in KiB; less than 19456 is not advised.")
    ] = 19456
    argon2_rounds: Annotated[int, positive("The passes over that memory.")] = 2


class Pages(Section, frozen=True):
    """Signing in to the pages of administrators and accounts."""

    administrators_need_second_factor: Annotated[
        bool,
        doc(
            "Whether administrators must have an authenticator app or a passkey: those who have none are "
            "asked to add one before they see the administration, and nobody can remove their last."
        ),
    ] = False


class Captcha(Section, frozen=True):
    """A reCAPTCHA, or a service that speaks as it does, that tells people from programs."""

    required: Annotated[bool, doc("Whether a new user must solve one.")] = False
    public_key: Annotated[str, doc("The site's key, which clients show; empty for no captcha.")] = ""
    private_key: Annotated[str, doc("The key with which Hearth asks whether it was solved.")] = ""
    verify_url: Annotated[str, doc("Where Hearth asks.")] = "https://www.google.com/recaptcha/api/siteverify"


class Cas(Section, frozen=True):
    """Signing in by a CAS server, as universities have."""

    server_url: Annotated[str, doc("The address of the CAS server; empty for none.")] = ""
