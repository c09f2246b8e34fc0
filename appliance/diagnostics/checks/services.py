"""Services that this server relies on: the mail server and the push gateway."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.checks.asking import on_no_answer
from appliance.diagnostics.outside import outside
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped
from matrix_app.protocol.said import said


@check("mail.smtp", "Mail server", timeout=30)
def smtp() -> Result:
    """Connect, protect the connection and sign in, as for a mail, and send none."""
    from matrix_app.protocol.errors import MatrixError
    from matrix_app.services.mail import is_configured, try_connection

    if not is_configured():
        return skipped("No mail server is set: passwords cannot be reset by mail")
    try:
        try_connection()
    except (MatrixError, OSError) as fault:
        return error(
            getattr(fault, "message", str(fault)),
            fix="Settings: Mail: host, port, security, user and password; then send a test mail.",
        )
    return ok(said("{host} lets this server in", host=get_config().mail.host))


@check("push.gateway", "Push gateway", timeout=20)
@on_no_answer
def gateway() -> Result:
    """Notifications on phones go through the gateway of the app, mostly that of matrix.org."""
    url = get_config().diagnostics.push_gateway
    if not url:
        return skipped("No push gateway is set to ask (diagnostics.push_gateway)")
    page = outside().page(url)
    if page.status >= 500:
        return error(
            said("{url} answers {status}", url=url, status=page.status),
            fix="If it stays so, ask those who run it.",
        )
    return ok(said("{url} can be reached", url=url))
