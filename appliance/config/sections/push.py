"""Settings of notifications: to phones, and by mail."""

from __future__ import annotations

from typing import Annotated

from appliance.config.fields import Section, doc, natural, positive


class Push(Section, frozen=True):
    """Notifications of what users have missed: to their phones by push gateways, and by mail."""

    include_content: Annotated[
        bool,
        doc("Whether gateways are told what a message says, where the app asks for more than its ID."),
    ] = True
    mentions_in_text: Annotated[
        bool,
        doc(
            "Whether users are mentioned by their names, and the room by @room, in the text of a message "
            "that does not say itself whom it mentions, as those of many bridges and older apps do not."
        ),
    ] = True
    give_up_hours: Annotated[
        int,
        positive("What a gateway has not taken for so long is dropped; what is newer follows."),
    ] = 24
    mail_delay_minutes: Annotated[
        int, natural("How long a message must be unread before a mail tells of it.")
    ] = 10
    mail_interval_minutes: Annotated[int, natural("The shortest time between two mails to one address.")] = 60
    client_url: Annotated[
        str,
        doc(
            "The web app that links in mails open, such as https://app.element.io; "
            "when empty, matrix.to, which lets people choose."
        ),
    ] = ""
