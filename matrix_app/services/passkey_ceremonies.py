"""What is said to authenticators, and what they answer ("Web Authentication" of the W3C), by a library.

The library takes 15 MB, so it is loaded when the first passkey is used.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import structlog

from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.services.relying_party import RelyingParty
from matrix_app.storage.passkeys import PasskeyRow

_log = structlog.get_logger("matrix_app.passkeys")
# Answers without an attestation are below 2,000 characters.
LONGEST_ANSWER: Final = 16_384
TIMEOUT_MS: Final = 120_000
_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_ANSWER)]


class _Response(msgspec.Struct, rename={"client_data": "clientDataJSON", "user_handle": "userHandle"}):
    client_data: _Text
    user_handle: _Text | None = None


class _Credential(msgspec.Struct, rename={"raw_id": "rawId"}):
    raw_id: _Text
    response: _Response


class _ClientData(msgspec.Struct, rename={"cross_origin": "crossOrigin"}):
    type: str
    challenge: str
    origin: str
    cross_origin: bool = False


class Answer(NamedTuple):
    """What a browser sent, read as far as is needed to know what it answers."""

    text: str
    credential_id: bytes
    challenge: bytes
    user_handle: bytes | None


class NewPasskey(NamedTuple):
    """A passkey that an authenticator has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def read_answer(text: str) -> Answer:
    """Read what a browser sent; raises `InvalidParam` for what is no answer of an authenticator."""
    try:
        if len(text) > LONGEST_ANSWER:
            raise ValueError
        credential = msgspec.json.decode(text, type=_Credential)
        response = credential.response
        client_data = msgspec.json.decode(_decoded(response.client_data), type=_ClientData)
        challenge = _decoded(client_data.challenge)
        handle = None if response.user_handle is None else _decoded(response.user_handle)
        credential_id = _decoded(credential.raw_id)
    except (ValueError, msgspec.DecodeError, binascii.Error):
        raise InvalidParam("This is no answer of a passkey") from None
    if client_data.cross_origin:
        raise Forbidden("The passkey was not accepted")
    return Answer(text, credential_id, challenge, handle)


def registration_options(
    party: RelyingParty, challenge: bytes, *, user_handle: bytes, user_id: str, known: Sequence[PasskeyRow]
) -> dict[str, Any]:
    """What a browser needs to have a passkey made, as JSON; authenticators of `known` ones refuse."""
    import webauthn
    from webauthn.helpers import structs

    selection = structs.AuthenticatorSelectionCriteria(
        resident_key=structs.ResidentKeyRequirement.PREFERRED,
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_name=user_id,
        user_id=user_handle,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=selection,
        exclude_credentials=_descriptors(known),
    )
    return webauthn.helpers.options_to_json_dict(options)


def assertion_options(
    party: RelyingParty, challenge: bytes, *, allowed: Sequence[PasskeyRow], verify_user: bool
) -> dict[str, Any]:
    """What a browser needs to have a passkey used, as JSON; without `allowed`, the user chooses one."""
    import webauthn
    from webauthn.helpers import structs

    wanted = structs.UserVerificationRequirement
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=wanted.REQUIRED if verify_user else wanted.DISCOURAGED,
    )
    return webauthn.helpers.options_to_json_dict(options)


def verify_registration(party: RelyingParty, answer: Answer) -> NewPasskey:
    """The passkey that was made; raises `Forbidden` for one made elsewhere, or otherwise than was asked."""
    import webauthn

    with _refusing():
        made = webauthn.verify_registration_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def verify_assertion(party: RelyingParty, answer: Answer, passkey: PasskeyRow, *, verify_user: bool) -> int:
    """The counter of a passkey that was used; raises `Forbidden` for a signature that is not its.

    Whether the counter has gone on is for the caller to judge: only here is it known to be signed.
    """
    import webauthn

    with _refusing():
        used = webauthn.verify_authentication_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=verify_user,
        )
    return used.new_sign_count


@contextmanager
def _refusing() -> Iterator[None]:
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError) as fault:
        # The library lets errors of what it parses through: what it cannot read is refused too.
        _log.info("passkey_refused", error=f"{type(fault).__name__}: {fault}"[:300])
        raise Forbidden("The passkey was not accepted") from fault


def _descriptors(passkeys: Sequence[PasskeyRow]) -> list[Any]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
