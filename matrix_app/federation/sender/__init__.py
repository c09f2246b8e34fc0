"""Sending to other servers: what happens here reaches them, in order, and never in a client's time."""

from matrix_app.federation.sender.service import start

__all__ = ["start"]
