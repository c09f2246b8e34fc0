"""The people of a filled server: accounts, where they are signed in, and how they are reached."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.services import long_tasks
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.audit import CLI
from matrix_app.services.passkeys import MOST
from matrix_app.services.passwords import hash_password
from matrix_app.services.relying_party import relying_party
from matrix_app.services.user_import.kept import Options
from matrix_app.services.user_import.looking import KIND as LOOKING
from matrix_app.services.user_import.requests import upload
from matrix_app.services.web_sign_in import ACCOUNT
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage import models as tables
from tests.factories.accounts import PASSWORD
from tests.filled.names import Person, person
from tests.filled.size import Size
from tests.filled.store import DAY, HOUR, MINUTE, dice, store

OWNER = Person("robin", "Robin Ashgrove")
CLIENTS = (
    ("Element X on a phone", "Element X/26.9 (Android 16)"),
    ("Element in Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Cinny on the desk", "Cinny/5.1 (Debian)"),
    ("FluffyChat on a tablet", "FluffyChat/2.2 (iPadOS 26)"),
)


class Someone(NamedTuple):
    """A user of this server."""

    nid: int
    user_id: str
    display_name: str


class People(NamedTuple):
    """The owner; and everybody, the owner last, the busiest user first."""

    owner: Someone
    everybody: list[Someone]

    @property
    def busiest(self) -> Someone:
        """Who has most of everything; the owner, where there is nobody else."""
        return self.everybody[0]


def fill_people(size: Size, server_nid: int, now: int) -> People:
    """The owner and as many users as there should be, with all that is theirs."""
    names = [person(number) for number in range(size.users)] + [OWNER]
    domain = get_config().server.name
    users = store(
        tables.User(user_id=f"@{name.localpart}:{domain}", server_nid=server_nid, is_local=True)
        for name in names
    )
    found = [
        Someone(user.nid, user.user_id, name.display_name) for user, name in zip(users, names, strict=True)
    ]
    people = People(found[-1], found)
    _accounts(people, now)
    _profiles(people)
    for someone in dict.fromkeys((people.busiest, people.owner)):
        _belongings(someone, size, now)
    return people


def _accounts(people: People, now: int) -> None:
    chance, last = dice("accounts"), len(people.everybody) - 1
    password = hash_password(PASSWORD)
    rows = []
    for number, someone in enumerate(people.everybody):
        made = now - (400 if number == last else chance.randrange(1, 380)) * DAY - 3 * HOUR
        row = tables.Account(
            user_nid=someone.nid, password_hash=password, is_admin=number == last, created_ts=made
        )
        row.last_active_ts = now - chance.choice((2 * MINUTE, 40 * MINUTE, 5 * HOUR, 3 * DAY, 40 * DAY))
        if 0 < number < last:
            _mark(row, number, now)
        rows.append(row)
    store(rows)


def _mark(row: tables.Account, number: int, now: int) -> None:
    """Some are locked, suspended, gone, of bridges, or guests."""
    if number % 11 == 3:
        row.locked_ts = now - 2 * DAY
    elif number % 11 == 5:
        row.suspended_ts = now - 6 * DAY
    elif number % 11 == 7:
        row.deactivated_ts, row.erased = now - 30 * DAY, number % 2 == 1
    elif number % 11 == 9:
        row.appservice_id = "signal"
    elif number % 37 == 4:
        row.is_guest = True
    elif number % 19 == 1:
        row.is_admin = True


def _profiles(people: People) -> None:
    store(
        tables.Profile(user_nid=one.nid, field="displayname", value=orjson.dumps(one.display_name))
        for one in people.everybody
    )
    store(
        tables.UserDirectoryEntry(
            user_nid=one.nid, search_text=f"{one.display_name.casefold()} {one.user_id[1:]}"
        )
        for one in people.everybody
    )


def _belongings(someone: Someone, size: Size, now: int) -> None:
    """Devices, pushers, mail addresses, and browsers on the pages."""
    devices = store(_device(someone, number, now) for number in range(size.devices))
    store(_pusher(someone, number, devices[number % len(devices)].nid, now) for number in range(size.pushers))
    local = someone.user_id[1:].partition(":")[0]
    store(
        tables.ThreePid(
            user_nid=someone.nid,
            medium="email",
            address=f"{local}{number or ''}@mail.example",
            validated_ts=now - 90 * DAY,
            added_ts=now - 90 * DAY,
        )
        for number in range(size.addresses)
    )
    store(
        _web_session(someone, f"{someone.nid} {number}", ACCOUNT, number, now)
        for number in range(size.sessions)
    )
    store(_passkey(someone, number, now) for number in range(min(size.devices, MOST)))


def device_id_of(someone: Someone, number: int) -> str:
    """The ID of a device."""
    return sha256(f"{someone.user_id} {number}".encode()).hexdigest()[:10].upper()


def _device(someone: Someone, number: int, now: int) -> tables.Device:
    name, agent = CLIENTS[number % len(CLIENTS)]
    return tables.Device(
        user_nid=someone.nid,
        device_id=device_id_of(someone, number),
        display_name=name,
        created_ts=now - (90 - number % 80) * DAY,
        last_seen_ts=now - (1 + number % 50) * HOUR - MINUTE,
        last_seen_ip=f"192.0.2.{1 + number % 250}",
        last_seen_user_agent=agent,
    )


def _pusher(someone: Someone, number: int, device_nid: int, now: int) -> tables.Pusher:
    fails = number % 5 == 3
    data = {
        "app_display_name": "Element X",
        "device_display_name": f"Phone {number + 1}",
        "lang": "en",
        "data": {"url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only"},
    }
    return tables.Pusher(
        user_nid=someone.nid,
        app_id="io.element.android.x",
        pushkey=f"key-{number}",
        kind="http",
        device_nid=device_nid,
        data=orjson.dumps(data),
        created_ts=now - 80 * DAY,
        told_ts=now - 2 * HOUR,
        failing_since_ts=now - 3 * HOUR if fails else None,
        failures=4 if fails else 0,
        retry_ts=now + HOUR if fails else None,
        fault="502 Bad Gateway" if fails else None,
    )


def _passkey(someone: Someone, number: int, now: int) -> tables.Passkey:
    party = relying_party()
    return tables.Passkey(
        user_nid=someone.nid,
        credential_id=sha256(f"{someone.user_id} {number}".encode()).digest(),
        public_key=b"",
        name=f"Security key {number + 1}",
        created_ts=now - 60 * DAY,
        last_used_ts=now - 3 * DAY if number else None,
        user_handle=f"{someone.nid}".encode(),
        rp_id="" if party is None else party.id,
    )


def _web_session(someone: Someone, token: str, area: str, number: int, now: int) -> tables.WebSession:
    return tables.WebSession(
        token_hash=hash_token(token),
        area=area,
        user_nid=someone.nid,
        created_ts=now - HOUR,
        last_used_ts=now - 6 * MINUTE * (number % 9),
        confirmed_until_ts=None,
        ip=f"192.0.2.{1 + number % 250}",
        user_agent=CLIENTS[1][1],
    )


def fill_import(size: Size) -> int | None:
    """A table of users that was uploaded and looked at, half of them with names that are taken; its nid."""
    if not size.imports:
        return None
    rows = [f"{person(number).localpart}{'-new' if number % 2 else ''}," for number in range(size.imports)]
    content = "\n".join(["user,display_name", *rows]).encode()
    nid = upload(CLI, content, Options(skip=True, all_random=False))
    for task in stored_tasks.unfinished(LOOKING):
        long_tasks.run(task.nid)
    return nid


def sign_in(someone: Someone, area: str, now: int) -> str:
    """The token of a session on the pages whose password is not asked for again for a day."""
    token = f"token of {someone.user_id} for {area}"
    session = _web_session(someone, token, area, 0, now)
    session.confirmed_until_ts = now + DAY
    store([session])
    return token
