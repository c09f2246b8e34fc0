"""Passwords that the server makes for users."""

from __future__ import annotations

import secrets
from typing import Final

from appliance.config import get_config
from matrix_app.protocol.errors import WeakPassword
from matrix_app.services.passwords import LONGEST, check_policy

# Without what looks alike when somebody has to type it, and what spreadsheets take for a formula.
_PLAIN: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_SYMBOLS: Final = "#!?%*_."
_LENGTH: Final = 16


def make_password() -> str:
    """A random password that meets the policy, with 90 bits and more of chance."""
    length = min(max(_LENGTH, get_config().password_policy.minimum_length), LONGEST)
    while True:
        letters = [secrets.choice(_PLAIN) for _ in range(length - 1)]
        letters.insert(1 + secrets.randbelow(length - 1), secrets.choice(_SYMBOLS))
        password = "".join(letters)
        try:
            check_policy(password)
        except WeakPassword:
            continue
        return password
