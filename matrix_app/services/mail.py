"""Sending mail through the configured server."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.config.sections.mail import Mail
from matrix_app.protocol.errors import BadGateway, InvalidParam
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor

if TYPE_CHECKING:
    from django.core.mail.backends.smtp import EmailBackend


def is_configured() -> bool:
    """Whether this server can send mail."""
    return bool(get_config().mail.host)


def is_address(text: str) -> bool:
    """Whether a text can be a mail address: one @ between a name and a domain, and nothing around it."""
    name, at, domain = text.rpartition("@")
    plain = not any(char.isspace() or not char.isprintable() or char in '<>,;:"()[]\\' for char in text)
    return bool(at and name and "@" not in name and domain.strip(".") == domain != "") and (
        plain and len(text) <= 254
    )


def send(
    recipient: str,
    subject: str,
    text: str,
    html: str | None = None,
    *,
    headers: dict[str, str] | None = None,
) -> None:
    """Send a mail now; raises `OSError` or `smtplib.SMTPException` when the mail server refuses it."""
    from django.core.mail import EmailMultiAlternatives

    message = EmailMultiAlternatives(
        subject,
        text,
        get_config().mail.sender,
        [recipient],
        connection=_connection(get_config().mail),
        headers=headers,
    )
    if html is not None:
        message.attach_alternative(html, "text/html")
    message.send()


def try_connection() -> None:
    """Connect and sign in, and send nothing; raises `BadGateway` with what went wrong."""
    import smtplib

    connection = _connection(get_config().mail)
    try:
        connection.open()
        connection.close()
    except (OSError, smtplib.SMTPException) as fault:
        raise BadGateway(said("The mail server does not let this server in: {fault}", fault=fault)) from fault


def _connection(mail: Mail) -> EmailBackend:
    from django.core.mail.backends.smtp import EmailBackend

    return EmailBackend(
        host=mail.host,
        port=mail.port,
        username=mail.user,
        password=_password(mail),
        use_tls=mail.security == "starttls",
        use_ssl=mail.security == "tls",
        timeout=mail.timeout_seconds,
    )


def _password(mail: Mail) -> str:
    if mail.password_file is not None:
        return mail.password_file.read_text(encoding="utf-8").strip()
    return mail.password


def sender_name() -> str:
    """The name in the sender's address, or else the server's."""
    return parseaddr(get_config().mail.sender)[0] or get_config().server.name


def send_test(actor: Actor, recipient: str) -> None:
    """Send a mail that shows whether the settings are right; raises `InvalidParam` or `BadGateway`."""
    import smtplib

    if not is_configured():
        raise InvalidParam("No mail server is set")
    if not is_address(recipient):
        raise InvalidParam("That is not a mail address")
    name = get_config().server.name
    audit.record(actor, "mail.test", recipient)
    try:
        send(recipient, f"A test of {name}", f"This mail shows that {name} can send mail.\n")
    except (OSError, smtplib.SMTPException) as fault:
        raise BadGateway(said("The mail server did not take the mail: {fault}", fault=fault)) from fault
