"""What an account is and keeps, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.progress import Job
from matrix_app.services.cross_signing import stored_keys
from matrix_app.services.last_seen import latest
from matrix_app.services.push_rules import ruleset_of
from matrix_app.services.pushers import pushers_of
from matrix_app.services.second_factor import has_second_factor
from matrix_app.services.shown_account_data import SECRET
from matrix_app.storage import (
    account_data,
    audit,
    device_keys,
    devices,
    filters,
    presence,
    profiles,
    reports,
    threepid_bindings,
    threepids,
    web_sessions,
)
from matrix_app.storage.account_data import AccountDataRow

MOST_RECORDS: Final = 10_000


def to_json(value: Any) -> bytes:
    """JSON that people can read too."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def add_account(part: Part, job: Job) -> None:
    """Add the files that are about the account and no single room."""
    nid = job.account.user_nid
    part.add("account/account.json", to_json(_account(job)))
    part.add("account/devices.json", to_json(_devices(job)))
    part.add("account/sessions.json", to_json(_web_sessions(nid)))
    part.add("account/notifications.json", to_json(_notifications(nid)))
    part.add("account/filters.json", to_json(_filters(nid)))
    part.add("account/reports.json", to_json(_reports(nid)))
    part.add("account/log.json", to_json(_log(job)))
    found = account_data.of_rooms(nid, [account_data.GLOBAL])
    part.add("account/account_data.json", to_json(contents(found, job)))


def contents(found: Iterable[AccountDataRow], job: Job) -> dict[str, Any]:
    """Account data by their types, without what is sealed where that is not wanted."""
    return {
        row.type: orjson.loads(row.content)
        for row in found
        if job.options.sealed or not row.type.startswith(SECRET)
    }


def _account(job: Job) -> dict[str, Any]:
    account = job.account
    nid, row = account.user_nid, presence.get(account.user_nid)
    return {
        "user_id": account.user_id,
        "created_ts": account.created_ts,
        "last_active_ts": account.last_active_ts,
        "is_admin": account.is_admin,
        "locked_ts": account.locked_ts,
        "suspended_ts": account.suspended_ts,
        "deactivated_ts": account.deactivated_ts,
        "has_password": account.password_hash is not None,
        "has_second_factor": has_second_factor(nid),
        "profile": profiles.get_fields(nid),
        "threepids": [item._asdict() for item in threepids.of_user(nid)],
        "identity_servers": [item._asdict() for item in threepid_bindings.of_user(nid)],
        "presence": None if row is None else row._asdict(),
        "cross_signing_keys": {usage: key.content for usage, key in stored_keys(nid).items()},
    }


def _devices(job: Job) -> list[dict[str, Any]]:
    nid = job.account.user_nid
    keys = {row.device_id: orjson.loads(row.keys) for row in device_keys.of_users([nid])}
    return [
        {
            "device_id": device.device_id,
            "display_name": device.display_name,
            "created_ts": device.created_ts,
            "last_seen_ts": seen.ts if seen else device.last_seen_ts,
            "last_seen_ip": seen.ip if seen else device.last_seen_ip,
            "last_seen_user_agent": seen.user_agent if seen else device.last_seen_user_agent,
            "keys": keys.get(device.device_id),
        }
        for device in devices.of_user(nid)
        for seen in [latest(device.nid, nid)]
    ]


def _web_sessions(user_nid: int) -> list[dict[str, Any]]:
    return [
        {
            "area": row.area,
            "created_ts": row.created_ts,
            "last_used_ts": row.last_used_ts,
            "ip": row.ip,
            "user_agent": row.user_agent,
        }
        for row in web_sessions.of_user(user_nid)
    ]


def _notifications(user_nid: int) -> dict[str, Any]:
    return {"push_rules": ruleset_of(user_nid), "pushers": pushers_of(user_nid)}


def _filters(user_nid: int) -> dict[str, Any]:
    return {str(number): orjson.loads(text) for number, text in filters.of_user(user_nid).items()}


def _reports(user_nid: int) -> list[dict[str, Any]]:
    return [
        {
            "room_id": row.room_id,
            "event_id": row.event_id,
            "reported_user": row.reported_user,
            "reason": row.reason,
            "received_ts": row.received_ts,
        }
        for row in reports.by_user(user_nid, MOST_RECORDS)
    ]


def _log(job: Job) -> dict[str, Any]:
    """What the user did that is in the audit log, and what was done to the account, by whomever."""
    own = [
        {"ts": row.ts, "via": row.via, "action": row.action, "target": row.target, "ip": row.ip}
        for row in audit.by_actor(job.account.user_nid, MOST_RECORDS)
    ]
    about = audit.page(before=None, limit=MOST_RECORDS, target=job.account.user_id)
    others = [{"ts": row.ts, "action": row.action} for row in about if row.actor != job.account.user_id]
    return {"by_the_user": own, "about_the_account": others}
