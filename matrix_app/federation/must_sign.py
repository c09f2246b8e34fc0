"""Which servers must have signed an event, and whether they have ("Validating hashes and signatures").

What is prepared and what is made of it is apart from the cryptography in between, which another process may
do (`second_hand.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from matrix_app.federation.key_ring import Found, Need, is_remembered
from matrix_app.protocol.errors import InvalidSignature, KeysUnknown, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import (
    MOST_SIGNATURES,
    Signed,
    are_signed,
    event_key_ids,
    server_that_authorised,
    servers_that_must_sign,
    signed_of,
)

# What a server has signed an event with, or why that cannot be.
_Proof = list[Signed] | MatrixError


class Check:
    """An event and, for each server that must have signed it, the keys it claims to have used."""

    __slots__ = ("authoriser", "event", "fault", "signers")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.fault: MatrixError | None = None
        self.signers: list[list[Need]] = []
        # The same of the server by which a user was let in; empty where it does not claim to have signed.
        self.authoriser: list[Need] | None = None
        if event.is_verified:
            return
        try:
            self.signers = [_must_claim(event, server_name) for server_name in servers_that_must_sign(event)]
            authorised = server_that_authorised(event)
        except MatrixError as fault:
            self.fault = fault
        else:
            self.authoriser = None if authorised is None else _claimed(event, authorised)

    @property
    def needs(self) -> Iterator[Need]:
        """Every key that is asked for."""
        return chain(*self.signers, self.authoriser or ())


def _must_claim(event: Event, server_name: str) -> list[Need]:
    claimed = _claimed(event, server_name)
    if not claimed:
        raise InvalidSignature(f"{event.event_id} is not signed by {server_name}")
    return claimed


def _claimed(event: Event, server_name: str) -> list[Need]:
    """The keys that a server claims to have signed with."""
    # In room versions 1 to 4 a key counts whenever it was valid.
    valid_at = event.origin_server_ts if event.rules.enforce_key_validity else 0
    key_ids = event_key_ids(event.pdu, server_name)
    if len(key_ids) > MOST_SIGNATURES:
        # Anybody can add signatures: many of them must not hide the one that is right.
        key_ids.sort(key=lambda key_id: not is_remembered(server_name, key_id))
        key_ids = key_ids[:MOST_SIGNATURES]
    return [Need(server_name, key_id, valid_at) for key_id in key_ids]


class Proving:
    """The signatures of several events by keys that were found, and what is made of the verdicts on them."""

    def __init__(self, checks: Sequence[Check], found: Found) -> None:
        self._checks = checks
        self._proofs = [[_proof(check.event, signer, found) for signer in check.signers] for check in checks]
        self._by_authoriser = [_proof_of_authoriser(check, found) for check in checks]
        # What is to be verified.
        self.signed = [
            item
            for proof in chain(*self._proofs, self._by_authoriser)
            if isinstance(proof, list)
            for item in proof
        ]

    def faults(self, right: Sequence[bool]) -> list[MatrixError | None]:
        """For each event None, or why a signature that it must have is missing or wrong.

        `right` says it of each of `signed`. `KeysUnknown` where there is no key that was good for an event.
        """
        wrong = {id(item) for item, is_right in zip(self.signed, right, strict=True) if not is_right}
        each = zip(self._checks, self._proofs, self._by_authoriser, strict=True)
        return [_fault_of(*items, wrong) for items in each]


def faults_of(checks: Sequence[Check], found: Found) -> list[MatrixError | None]:
    """The faults of events, verified here and now."""
    proving = Proving(checks, found)
    return proving.faults(are_signed(proving.signed))


def _proof(event: Event, signer: Sequence[Need], found: Found) -> _Proof:
    """The signatures of a server by known keys.

    "If all signatures from known unexpired keys from the originating server(s) are found to be valid"; those
    by other keys are ignored.
    """
    signed = []
    for need in signer:
        key = found.get((need.server_name, need.key_id))
        # The same key may be good for one event and not for another.
        if key is None or not need.is_met_by(key):
            continue
        try:
            signed.append(signed_of(event, need.server_name, need.key_id, key.verify_key))
        except MatrixError as fault:
            return fault
    return signed or KeysUnknown(
        f"No key of {signer[0].server_name} is known that was valid when {event.event_id} was made"
    )


def _proof_of_authoriser(check: Check, found: Found) -> _Proof:
    if check.authoriser is None:
        return []
    if not check.authoriser:
        return InvalidSignature("The server that is said to have let the user in has not signed")
    return _proof(check.event, check.authoriser, found)


def _fault_of(
    check: Check, proofs: Sequence[_Proof], by_authoriser: _Proof, wrong: set[int]
) -> MatrixError | None:
    if check.fault is not None:
        return check.fault
    for proof in proofs:
        fault = _fault_in(proof, wrong)
        if fault is not None:
            return fault
    fault = _fault_in(by_authoriser, wrong)
    event = check.event
    # A join without it is dropped rather than rejected: where it was accepted, it has the signature, and is
    # to be had from there.
    if fault is not None and (event.content.get("membership") == "join" or isinstance(fault, KeysUnknown)):
        return fault
    event.is_unauthorised = fault is not None
    # It has been verified, and may be kept for long.
    event.signed, event.is_verified = None, True
    return None


def _fault_in(proof: _Proof, wrong: set[int]) -> MatrixError | None:
    if isinstance(proof, MatrixError):
        return proof
    if wrong and any(id(item) in wrong for item in proof):
        return InvalidSignature("A signature does not match")
    return None
