"""Application services: what happens is brought to those whom it concerns, in order and until they have it.

The pump runs in the worker. What a service is sent next is built from the stream (`building`), by what the
service is interested in (`interest`), and stored before it is sent.
"""

from matrix_app.appservices.pump import start

__all__ = ["start"]
