"""Settings of how this server learns of newer releases."""

from __future__ import annotations

from typing import Annotated

from appliance.config.fields import Section, doc


class Updates(Section, frozen=True):
    """A notice of newer releases. Nothing is installed by it."""

    url: Annotated[
        str,
        doc(
            "An https address that is asked once a day for the newest release, as JSON with version and url. "
            "Nothing is sent but the request itself. Empty: nobody is asked."
        ),
    ] = ""
