"""The one-time code with which the owner of a new server proves to be its owner.

Only its hash is stored, so the code is known to whoever saw it printed and to nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.config.addresses import local_address, public_address

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.config import Config

# Without the characters that are taken for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUPS = 4
LETTERS = 4


def _file() -> Path:
    return get_config().server.secrets_dir / "setup_code"


def new_setup_code() -> str:
    """Makes a code, such as ABCD-EFGH-JKLM-NPQR; one that was made before is no longer valid."""
    letters = ["".join(secrets.choice(ALPHABET) for _ in range(LETTERS)) for _ in range(GROUPS)]
    code = "-".join(letters)
    _write(_file(), _hash(code))
    return code


def has_setup_code() -> bool:
    """Whether a code was made that nobody has used yet."""
    return _file().exists()


def check_setup_code(code: str) -> bool:
    """Whether this is the code; small letters, blanks and missing dashes do no harm."""
    try:
        stored = _file().read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return False
    return hmac.compare_digest(stored, _hash(code))


def use_setup_code(code: str) -> bool:
    """Like `check_setup_code`; the code is spent. Of several who use it at once, one is told True."""
    return check_setup_code(code) and forget_setup_code()


def forget_setup_code() -> bool:
    """Makes the code invalid; False when there was none."""
    try:
        _file().unlink()
    except FileNotFoundError:
        return False
    return True


def invitation(config: Config) -> dict[str, str]:
    """What a person needs to set the server up, by what it is called. Makes a new code.

    The page opens with the code behind the #, which browsers send to nobody.
    """
    code, address = new_setup_code(), public_address(config)
    told = {"address": address, "setup page": f"{address}/setup/#{code}"}
    near = local_address(config)
    if config.server.public_baseurl and near:
        told["or at"] = f"{near}/setup/#{code}"  # as long as nothing leads to the public address
    return {**told, "setup code": f"{code} (can be used once)"}


def _hash(code: str) -> str:
    letters = "".join(letter for letter in code.upper() if letter in ALPHABET)
    return hashlib.sha256(letters.encode()).hexdigest()


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as stream:
        stream.write(content + "\n")
    draft.replace(file)
