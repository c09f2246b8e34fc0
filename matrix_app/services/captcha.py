"""Asking the captcha service whether a person solved its puzzle."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.services.outgoing_http import post_form


def is_solved(response: str, ip: str) -> bool:
    """Whether the service says that `response` is a solution."""
    captcha = get_config().captcha
    if not captcha.public_key or not response:
        return False
    form = {"secret": captcha.private_key, "response": response, "remoteip": ip}
    return post_form(captcha.verify_url, form).json().get("success") is True
