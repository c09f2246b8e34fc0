"""Settings of what watches over the server: checks, alerts, metrics."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from appliance.config.fields import Section, doc

# Stands among `resolvers` for the name servers of the domain itself.
AUTHORITATIVE: Final = "authoritative"


class Diagnostics(Section, frozen=True):
    """Checks of the server and its surroundings, every hour and on `hearth doctor`."""

    enabled: Annotated[bool, doc("Whether the checks run by themselves.")] = True
    federation_peer: Annotated[
        str, doc("The server that is asked whether it reaches this one; empty for none.")
    ] = "matrix.org"
    push_gateway: Annotated[
        str, doc("The push gateway that must be reachable for notifications on phones; empty for none.")
    ] = "https://matrix.org/_matrix/push/v1/notify"
    resolvers: Annotated[
        tuple[str, ...],
        doc(
            "Name servers whose answers are compared with those that this machine gets: addresses, or the "
            "word authoritative for those of the domain itself; empty for none. Names that only a private "
            "network has are not asked about."
        ),
    ] = (AUTHORITATIVE, "1.1.1.1", "9.9.9.9")
    certificate_issuers: Annotated[
        tuple[str, ...],
        doc(
            "The authorities that are to issue certificates, as CAA records call them, such as "
            "letsencrypt.org; when empty, the one that issued the present certificate."
        ),
    ] = ()


class Alerts(Section, frozen=True):
    """Who is told when something stops working, and when it works again."""

    mail_to: Annotated[tuple[str, ...], doc("Mail addresses to tell; needs a mail server.")] = ()
    webhook: Annotated[
        str, doc("An https address that is told by POST of a JSON object; empty for none.")
    ] = ""
    matrix: Annotated[
        bool, doc("Whether administrators are told by a message from the server's own user.")
    ] = True
    warnings: Annotated[bool, doc("Whether warnings are told of at once, and not only errors.")] = False
    daily_mail: Annotated[
        bool, doc("Whether a mail once a day says what changed; on days without change there is none.")
    ] = True
    language: Annotated[
        Literal["en", "de", "fr"],
        doc("The language of mails and messages: en, de or fr. The setup takes that of its visitor."),
    ] = "en"


class Metrics(Section, frozen=True):
    """Figures for Prometheus at /_hearth/metrics."""

    enabled: Annotated[bool, doc("Whether the metrics can be read.")] = False
    token: Annotated[
        str,
        doc(
            "Whoever sends it as Authorization: Bearer may read them. When empty, programs on this machine "
            "may; a proxy there that sends no X-Forwarded-For lets everybody."
        ),
    ] = ""
