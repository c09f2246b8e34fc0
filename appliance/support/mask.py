"""Taking out of texts what belongs to people: who they are, where they are, and what opens doors."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

_SERVER: Final = r"[A-Za-z0-9.\-]+(?::\d{1,5})?"
_MAIL: Final = re.compile(r"[\w.+%\-]+@[\w\-]+(?:\.[\w\-]+)+")
_USER: Final = re.compile(rf"@([^\s:@\"'<>,;()]+):({_SERVER})")
_ALIAS: Final = re.compile(rf"#([^\s:#\"'<>,;()]+):({_SERVER})")
_ROOM: Final = re.compile(rf"!([A-Za-z0-9_\-+/=]+)(?::({_SERVER}))?")
_EVENT: Final = re.compile(r"\$([A-Za-z0-9_\-+/]{16,})")
_MEDIA: Final = re.compile(rf"mxc://({_SERVER})/[\w\-]+")
_ADDRESS: Final = re.compile(
    r"\b([a-z][a-z0-9+.\-]{1,20})://(?:[^\s/@]*@)?([^\s/?#@\"'<>]+)[^\s\"'<>]*", re.I
)
_PHONE: Final = re.compile(r"\+\d[\d \-]{6,}\d")
_IPV4: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_IPV6: Final = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
# Long, and of letters and digits mixed: a token, a key, a code.
_TOKEN: Final = re.compile(r"(?=[A-Za-z0-9_\-+=]*\d)(?=[A-Za-z0-9_\-+=]*[A-Za-z])[A-Za-z0-9_\-+=]{16,}")
_HOME: Final = re.compile(r"/home/[^/\s\"']+")
_MARK: Final = "\0"


class Masker:
    """Puts other names in the place of real ones, the same for the same within one bundle.

    With `names` those of users, rooms and aliases stay; mail addresses, addresses of people and secrets
    never do. `hidden` has texts that are not to be seen, with what is seen in their place.
    """

    def __init__(self, *, names: bool = False, hidden: Mapping[str, str] | None = None) -> None:
        self._names = names
        self._hidden = {text.lower(): shown for text, shown in (hidden or {}).items()}
        longest_first = sorted(self._hidden, key=len, reverse=True)
        self._any_hidden = re.compile("|".join(map(re.escape, longest_first)) or r"\Z\A", re.IGNORECASE)
        self._key = secrets.token_bytes(32)

    def text(self, text: str) -> str:
        """The text without what belongs to people."""
        kept: list[str] = []

        def keep(shown: str) -> str:
            """What is to be seen as it is by the rules that follow."""
            kept.append(shown)
            return f"{_MARK}{len(kept) - 1}{_MARK}"

        text = text.replace(_MARK, "")
        text = self._any_hidden.sub(lambda found: self._hidden.get(found[0].lower(), "(setting)"), text)
        text = _MEDIA.sub(lambda found: keep(f"mxc://{found[1]}/(media)"), text)
        text = _ADDRESS.sub(lambda found: keep(f"{found[1]}://{found[2]}/"), text)
        text = _USER.sub(lambda found: keep(self._renamed("@", "user", found[1], found[2])), text)
        text = _ALIAS.sub(lambda found: keep(self._renamed("#", "alias", found[1], found[2])), text)
        text = _ROOM.sub(lambda found: keep(self._renamed("!", "room", found[1], found[2] or "")), text)
        text = _EVENT.sub(lambda found: keep(self._renamed("$", "event", found[1], "")), text)
        text = _MAIL.sub("(mail address)", text)
        text = _PHONE.sub("(phone number)", text)
        text = _HOME.sub("/home/(user)", text)
        text = _IPV4.sub(_shown_address, text)
        text = _IPV6.sub(_shown_address, text)
        text = _TOKEN.sub("(token)", text)
        return re.sub(f"{_MARK}(\\d+){_MARK}", lambda found: kept[int(found[1])], text)

    def _renamed(self, sigil: str, kind: str, name: str, server: str) -> str:
        shown = name if self._names else f"{kind}-{self._pseudonym(sigil + name + server)}"
        return f"{sigil}{shown}:{server}" if server else f"{sigil}{shown}"

    def _pseudonym(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hex()[:8]


def _shown_address(found: re.Match[str]) -> str:
    """Addresses of this machine and its network say nothing of people."""
    try:
        address: Any = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if not address.is_global else "(address)"
