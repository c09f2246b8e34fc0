"""What went wrong, as pages tell it."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext, gettext_noop

from matrix_app.protocol.errors import MatrixError

# Said by the error itself; `manage.py translations` finds those of services where they are raised.
gettext_noop("Too many requests")
gettext_noop("You can ask for an export once in an hour")

# Sentences of services with a name or a number in them that visitors are likely to see.
WITH_VALUES: Final = (
    gettext_noop("The password must have at least %s characters"),
    gettext_noop("A token may be used up to %s times"),
    gettext_noop("%s is fixed by the configuration file or the environment"),
    gettext_noop("The mail server does not let this server in: %s"),
    gettext_noop("The mail server did not take the mail: %s"),
    gettext_noop("The webhook answers %s"),
    gettext_noop("The certificate is not for %s"),
    gettext_noop("Certificate %s was not issued by the next one: the server's own comes first"),
    gettext_noop("The pattern %s denies it with others: change it in the settings"),
)


def told(error: MatrixError) -> str:
    """An error in the visitor's language; in English where it has values and is not among `WITH_VALUES`."""
    if not error.message:
        return error.errcode
    for sentence in WITH_VALUES:
        found = re.fullmatch(re.escape(sentence).replace("%s", "(.+)"), error.message, re.DOTALL)
        if found is not None:
            return gettext(sentence) % found.groups()
    return gettext(error.message)
