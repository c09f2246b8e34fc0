"""The first setup of this server: who may do it, how far it is, and what it changes.

It is open as long as there is no administrator, or once it was begun and not finished. Whoever has the
one-time code may do it, in one browser. Settings and accounts are changed by the services of their own.
"""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import urlsplit

from appliance import setup_code
from appliance.config import get_config, setup_file
from appliance.config.current import base_config
from appliance.config.errors import Problem
from appliance.config.stored import fixed_keys
from matrix_app.http.rate_limit import give_back, take
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.protocol.ids import is_server_name
from matrix_app.protocol.said import said
from matrix_app.services import audit, invitations
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.audit import Actor
from matrix_app.services.change_settings import change_settings
from matrix_app.services.create_account import create_account
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.services.register import check_username
from matrix_app.storage import account_list, accounts, db, rooms, setup_state
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.setup_state import SetupRow

STEPS: Final = (
    "start",
    "names",
    "connectivity",
    "owner",
    "second-factor",
    "registration",
    "calls",
    "mail",
    "backup",
    "finish",
)
LONGEST_MS: Final = 24 * 3_600_000
# How long the first invitation can be used, and by how many.
INVITATION_MS: Final = 30 * 24 * 3_600_000
INVITATION_USES: Final = 10


def is_open() -> bool:
    """Whether the server can be set up: it has no administrator, or was not set up to the end."""
    row = setup_state.get()
    return (row is not None and row.finished_ts is None) or not accounts.any_admin()


def unlock(code: str, ip: str) -> str:
    """Spend the one-time code; the token for the browser that goes on, in place of one before.

    Raises `Forbidden` for a wrong code, `LimitExceeded` for those who guess, `NotFound` when all is set up.
    """
    if not is_open():
        raise NotFound("This server has been set up")
    take("login", f"setup {ip}")
    if not setup_code.use_setup_code(code):
        raise Forbidden("That is not the code, or it has been used; hearth setup-url makes a new one")
    give_back("login", f"setup {ip}")
    token = new_token("hs")
    with db.write():
        setup_state.unlock(STEPS[0], hash_token(token), now_ms())
        audit.record(Actor(None, "page", ip), "setup.unlock")
    return token


def of_token(token: str) -> SetupRow | None:
    """How far the setup is, for the browser that may go on; None for every other."""
    row = setup_state.get()
    if row is None or row.token_hash is None or not is_open():
        return None
    valid = hmac.compare_digest(row.token_hash, hash_token(token))
    return row if valid and now_ms() - row.unlocked_ts < LONGEST_MS else None


def reach(step: str) -> None:
    """Note that a step may be done; one that is before the step that was reached changes nothing."""
    with db.write():
        row = _present()
        if STEPS.index(step) > STEPS.index(row.step):
            setup_state.put(step, row.data)


def remember(**values: Any) -> None:
    """Keep what the steps need to know later: JSON."""
    with db.write():
        row = _present()
        setup_state.put(row.step, {**row.data, **values})


def began(key: str) -> int:
    """When what is remembered under a key was begun last, in milliseconds; 0 for never."""
    return int(_present().data.get(key, 0))


def _present() -> SetupRow:
    row = setup_state.get()
    if row is None:
        raise NotFound("The setup has not been begun")
    return row


def name_can_change() -> bool:
    """Whether the server's name may still be another: nothing in the database bears it."""
    return accounts.any_user_id() is None and not rooms.any_room()


def locked_names() -> set[str]:
    """Which of name and address cannot be chosen here (keys of `setup_file.KEYS`)."""
    locked = setup_file.fixed_names()
    return locked if name_can_change() else {*locked, "server.name"}


def check_names(name: str, address: str) -> list[Problem]:
    """What is wrong with a name and an address."""
    problems = (
        [] if is_server_name(name) else [Problem("server.name", "must be a domain such as example.org")]
    )
    if not _is_address(address) and address != base_config().server.public_baseurl:
        fault = "must be an address such as https://matrix.example.org"
        problems.append(Problem("server.public_baseurl", fault))
    return problems or setup_file.faults_of(name, address)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets that are none of IPv6
        return False
    plain = not (parts.query or parts.fragment or any(char.isspace() for char in text))
    return parts.scheme in ("http", "https") and plain and is_server_name(parts.netloc)


def choose_names(name: str, address: str, actor: Actor) -> bool:
    """Write the name and the address for the next start; whether one is needed.

    Raises `Forbidden` for what is fixed elsewhere or cannot change any more, `InvalidParam`.
    """
    server, locked = base_config().server, locked_names()
    for key, wanted, present in (
        ("server.name", name, server.name),
        ("server.public_baseurl", address, server.public_baseurl),
    ):
        if key in locked and wanted != present:
            raise Forbidden(said("{key} cannot be changed here", key=key))
    if problems := check_names(name, address):
        raise InvalidParam("; ".join(f"{problem.key}: {problem.message}" for problem in problems))
    if (name, address) == (server.name, server.public_baseurl):
        return False
    try:
        setup_file.write_names(name, address)
    except OSError as fault:
        raise Forbidden(
            said(
                "{file} cannot be written: {fault}",
                file=setup_file.setup_file(),
                fault=fault.strerror,
            )
        ) from fault
    with db.write():
        remember(name=name, address=address)
        audit.record(actor, "setup.names", name, address=address)
    return True


def owner_of(row: SetupRow) -> Account | None:
    """The administrator that the setup has made, or the first that was made otherwise."""
    nid = row.data.get("owner_nid")
    if nid is None:
        admins = account_list.page(kind="admins", search="", sort="created", after=None, limit=1)
        nid = admins[0].user_nid if admins else None
    return None if nid is None else accounts.get(int(nid))


def make_owner(localpart: str, password: str, actor: Actor) -> Account:
    """Make the account that looks after the server. Raises `WeakPassword`, `InvalidUsername`, `UserInUse`.

    `Forbidden` when the setup has made one already.
    """
    check_policy(password)
    check_username(localpart)
    password_hash = hash_password(password)
    with db.write():
        if owner_of(_present()) is not None:
            raise Forbidden("The owner's account has been made already")
        account = create_account(localpart, password_hash=password_hash, is_admin=True)
        remember(owner_nid=account.user_nid)
        audit.record(actor, "setup.owner", account.user_id)
    setup_code.forget_setup_code()
    return account


def speak(language: str, actor: Actor) -> None:
    """Have the server speak with its owner in a language, where the file does not say in which."""
    if language != get_config().alerts.language and "alerts.language" not in fixed_keys():
        change_settings(actor, {"alerts.language": language})


def first_invitation(actor: Actor) -> str:
    """A token for the owner's family and friends, made once."""
    with db.write():
        token = _present().data.get("invitation")
        if token is None:
            made = invitations.create_token(
                actor, uses_allowed=INVITATION_USES, expires_ts=now_ms() + INVITATION_MS
            )
            token = made.token
            remember(invitation=token)
    return str(token)


def finish(actor: Actor) -> None:
    """End the setup; its pages are closed. Raises `Forbidden` while there is no administrator."""
    if not accounts.any_admin():
        raise Forbidden("Make the owner's account first")
    with db.write():
        setup_state.finish(now_ms())
        audit.record(actor, "setup.finish")
    setup_code.forget_setup_code()
