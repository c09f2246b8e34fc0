"""What would let somebody in who should not be."""

from __future__ import annotations

import stat

from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, warn
from matrix_app.protocol.said import said


@check("security.secrets", "Files with secrets")
def secrets() -> Result:
    """Nobody but Hearth may read the keys."""
    folder = get_config().server.secrets_dir
    if not folder.exists():
        return error(
            said("{folder} is not there", folder=folder), fix="hearth run makes it at the first start"
        )
    wide = [file.name for file in folder.iterdir() if file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
    if wide:
        return error(
            said("Everybody on this machine can read {files}", files=sorted(wide)),
            fix=f"chmod o= {folder}/*",
        )
    return ok(str(folder))


@check("security.registration", "Registration")
def registration() -> Result:
    """A server on which anybody can register is soon used by those who send spam."""
    config = get_config()
    if config.registration.mode != "open":
        return ok(said("Registration is {mode}", mode=config.registration.mode))
    if config.captcha.required or config.registration.require_email:
        return warn("Anybody can register who confirms a mail address or solves a captcha")
    return error(
        "Anybody can register, programs included",
        fix="Settings: Registration: mode token, and send invitations.",
    )


@check("security.second_factor", "Second factor of administrators")
def second_factor() -> Result:
    """A stolen password of an administrator alone should not open the pages."""
    from matrix_app.services.second_factor import has_second_factor
    from matrix_app.storage import account_list

    admins = account_list.page(kind="admins", search="", sort="name", after=None, limit=100)
    without = [admin.user_id for admin in admins if not has_second_factor(admin.user_nid)]
    if without:
        return warn(said("{users} have none", users=without[:5]), fix="Your account: Second factor")
    return ok("All administrators have one")


@check("security.certificates", "Certificates of others")
def certificates() -> Result:
    """Switching the check of certificates off is for tests."""
    config = get_config()
    if not config.federation.verify_certificates or not config.outgoing.verify_certificates:
        return error(
            "Certificates of other servers are not verified",
            fix="Remove verify_certificates from hearth.toml.",
        )
    return ok("They are verified")
