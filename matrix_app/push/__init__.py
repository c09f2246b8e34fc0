"""Push: notifications that reach phones by gateways, and mail.

The pump reads the stream and writes down what each pusher is to deliver (`routing`); what is written is
delivered in order, again and again until it arrives (`delivery`, `digest`).
"""

from matrix_app.push.pump import start

__all__ = ["start"]
