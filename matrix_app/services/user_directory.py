"""The user directory ("User Directory"): kept up to date, and searched."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from appliance.config import get_config
from matrix_app.protocol.ids import UserId, is_compliant_user_id, localpart_of
from matrix_app.services.remote_profiles import shown_in_rooms
from matrix_app.storage import accounts, profiles, user_directory

MAX_WORDS: Final = 8
MAX_LIMIT: Final = 50
MAX_TEXT: Final = 400

_WORD: Final = re.compile(r"[^\W_]+")


def refresh(user_nid: int) -> None:
    """Take up a local user as their profile is now, or leave out who has no account."""
    account = accounts.get(user_nid)
    if account is None or account.deactivated_ts is not None or account.is_guest:
        user_directory.remove(user_nid)
        return
    name = profiles.get_fields(user_nid).get("displayname")
    seen(user_nid, account.user_id, name)


def seen(user_nid: int, user_id: str, displayname: Any) -> None:
    """Take up a user, local or remote, under this name; in a write transaction."""
    user_directory.put_all([(user_nid, search_text(user_id, displayname))])


def search_text(user_id: str, displayname: Any) -> str:
    """What is searched of a user: the words of name and user ID, each after a space."""
    name = displayname if isinstance(displayname, str) else ""
    words = _WORD.findall(fold(f"{name} {localpart_of(user_id)} {user_id.partition(':')[2]}"))
    return "".join(f" {word}" for word in words)[:MAX_TEXT]


def fold(text: str) -> str:
    """Text without differences of case, accents and forms of letters."""
    if text.isascii():
        return text[: MAX_TEXT * 2].lower()
    decomposed = unicodedata.normalize("NFKD", text[: MAX_TEXT * 2]).casefold()
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def search(user_nid: int, term: str, limit: int) -> dict[str, Any]:
    """Users whose name or ID has words that begin with those of `term`, and whether there are more.

    Servers "SHOULD NOT forward such user IDs to clients when referenced outside the context of an event", so
    those with non-compliant ones are left out ("Historical User IDs").
    """
    words = _WORD.findall(fold(term))[:MAX_WORDS]
    limit = min(limit, MAX_LIMIT)
    if not words or limit < 1:
        return {"results": [], "limited": False}
    found = user_directory.search(
        user_nid,
        [_pattern(word) for word in words],
        f" {words[0]}%",
        everyone=get_config().rooms.user_directory_shows_everyone,
        limit=limit + 1,
    )
    shown = [(nid, user_id) for nid, user_id in found[:limit] if is_compliant_user_id(UserId(user_id))]
    return {"results": _results(shown), "limited": len(found) > limit}


def _pattern(word: str) -> str:
    # Scripts that put no spaces between words are searched everywhere.
    return f"% {word}%" if word.isascii() else f"%{word}%"


def _results(found: list[tuple[int, str]]) -> list[dict[str, str]]:
    names = profiles.names_of(nid for nid, _ in found)
    results = []
    for nid, user_id in found:
        kept = names.get(nid)
        shown: dict[str, Any] = kept._asdict() if kept else shown_in_rooms(nid) or {}
        result = {"user_id": user_id}
        if shown.get("displayname"):
            result["display_name"] = shown["displayname"]
        if shown.get("avatar_url"):
            result["avatar_url"] = shown["avatar_url"]
        results.append(result)
    return results
