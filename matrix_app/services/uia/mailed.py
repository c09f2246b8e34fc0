"""The stage of a mail address on a page, for clients that cannot ask for mails themselves ("Fallback").

The secret of a validation is made of the session, so that the page need not keep one, and what was begun on
the page of one session serves no other.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from appliance.secrets import django_secret_key
from matrix_app.protocol.ids import parse_text
from matrix_app.services.threepids.validation import request_validation
from matrix_app.services.uia.stages import EMAIL_PURPOSES
from matrix_app.storage import threepid_sessions, threepids
from matrix_app.storage.clock import now_ms
from matrix_app.storage.uia_sessions import UiaSession


def send_mail(session: UiaSession, address: str) -> None:
    """Have a mail sent to an address, with the link that proves it to be theirs who are to confirm.

    Raises as `request_validation` does.
    """
    request_validation(EMAIL_PURPOSES[session.endpoint], address, _secret(session), now_ms(), None)


def credentials(session: UiaSession, address: str) -> dict[str, Any]:
    """What a client would send once the link was followed; without a mail, what proves nothing."""
    secret, purpose = _secret(session), EMAIL_PURPOSES[session.endpoint]
    canonical = threepids.canonical("email", parse_text(address))
    known = threepid_sessions.find_for("email", canonical, secret, purpose)
    return {"threepid_creds": {"sid": "" if known is None else known.sid, "client_secret": secret}}


def _secret(session: UiaSession) -> str:
    message = f"address for {session.session_id}".encode()
    return hmac.new(django_secret_key().encode(), message, hashlib.sha256).hexdigest()
