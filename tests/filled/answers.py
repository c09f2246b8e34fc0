"""Pages that are answers to forms: previews, what is shown once, forms that say what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tests.filled.filling import Filled, of_nothing

Fields = Mapping[str, str | Sequence[str]]

# What the administrator sees, who has nothing, one, or much of everything.
_FILLED: Final = ("one", "many")
# What looks the same however much there is.
_ANY: Final = ("one",)
# Only while the setup is open.
_SETUP: Final = ("empty",)
# As many as a page of a list lets choose.
_CHOSEN: Final = 50
_TOO_LONG: Final = {"name": "x" * 600}
_TWO_PASSWORDS: Final = {"name": "pia", "password": "a long password", "again": "another"}
_WRONG_PASSWORD: Final = {"name": "robin", "password": "not this one"}


class Answer(NamedTuple):
    """A form: the action that answers it, the page on which it is, what is in it, and where it is sent to.

    `where` are the servers that have what it needs. The answer comes by itself, or by the page to which it
    leads. A preview changes nothing.
    """

    action: str
    page: str
    fields: Fields
    where: Sequence[str] = _ANY
    address: str = ""
    is_preview: bool = False

    @property
    def path(self) -> str:
        """Where it is sent to: most often to the page itself."""
        return self.address or self.page


def answers(filled: Filled) -> list[Answer]:
    """Every form whose answer is a page of its own."""
    makers = (_chosen, _made, _refused, _of_account, _signing_in, _of_setup)
    return [answer for make in makers for answer in make(filled)]


def answering_actions() -> set[str]:
    """The actions whose answers are looked at."""
    return {answer.action for answer in answers(of_nothing())}


def _chosen(filled: Filled) -> Iterator[Answer]:
    """What would be done with those that were chosen."""
    for kind, first, deeds in (
        ("users", filled.user, ("deactivate", "media", "notice")),
        ("rooms", filled.room, ("delete", "media")),
    ):
        fields = {"chosen": [str(first + number) for number in range(_CHOSEN)]}
        for deed in deeds:
            path = f"/admin/{kind}/chosen/{deed}/"
            yield Answer(f"admin:{kind}-chosen {deed}", f"/admin/{kind}/", fields, _FILLED, path, True)


def _made(filled: Filled) -> Iterator[Answer]:
    """What is shown once."""
    bridge = f"/admin/bridges/{filled.bridge}/"
    yield Answer("admin:user-new", "/admin/users/new/", {"name": "somebody.new"})
    yield Answer("admin:bridge-rotate", bridge, {}, _FILLED, f"{bridge}rotate/")
    password = "what pia has chosen"
    fields = {"name": "pia.of.the.invitation", "password": password, "again": password}
    yield Answer("account:join", f"/account/join/{filled.invitation}/", fields)


def _refused(filled: Filled) -> Iterator[Answer]:
    """Forms of administrators that say what is wrong with them; the last on the page that it leads to."""
    yield Answer("admin:user-new", "/admin/users/new/", _TOO_LONG)
    limits = {"per_second": "1", "burst": "0"}
    yield Answer("admin:user-limits", f"/admin/users/{filled.user}/limits/", limits)
    yield Answer("admin:users-import", "/admin/users/import/", {"mode": "neither"})
    yield Answer("admin:bridge-new", "/admin/bridges/new/", {"text": "no: registration"})
    yield Answer("admin:federation-test", "/admin/federation/test/", {"name": "localhost:1"})
    yield Answer("admin:federation-test", "/admin/federation/test/", {"name": "no server"})
    yield Answer("admin:settings-certificate", "/admin/settings/certificate/", {})
    yield Answer("admin:invitation-new", "/admin/invitations/new/", {"uses_allowed": "-1"})
    yield Answer("admin:invitation", f"/admin/invitations/{filled.invitation}/", {"expires": "never"})
    yield Answer("admin:notices", "/admin/notices/", {"to": "nobody here", "text": "Hello"})
    yield Answer("admin:policy-subscribe", "/admin/policies/subscribe/", {"room": "no room"})
    for section in ("rate_limits", "media", "backup"):
        fields = {f"{section}-{name}": "many" for name in ("max_upload_bytes", "every_hours", "enabled")}
        yield Answer("admin:settings-section", f"/admin/settings/{section}/", fields)
    yield Answer("admin:media-clean", "/admin/media/", {"days": "none"}, address="/admin/media/clean/")


def _of_account(filled: Filled) -> Iterator[Answer]:
    """What is shown to everybody of their own account."""
    factors = "/account/second-factors/"
    yield Answer("account:second-factor-add", factors, {}, address=f"{factors}add/")
    yield Answer("account:second-factor-add", factors, {"code": "000000"}, address=f"{factors}add/")
    yield Answer("account:recovery-codes", factors, {}, address=f"{factors}codes/")
    passwords = {"present": "not this one", "new": "a long password", "again": "another"}
    yield Answer("account:password", "/account/password/", passwords)
    yield Answer("account:profile", "/account/profile/", _TOO_LONG)
    device = f"/account/device/?device_id={filled.device}"
    fields = {"device_id": filled.device, "name": "Kitchen"}
    yield Answer("account:device-rename", device, fields, address="/account/device/rename/")
    yield Answer("account:join", f"/account/join/{filled.invitation}/", _TWO_PASSWORDS)
    yield Answer("account:register", "/account/register/", _TWO_PASSWORDS)


def _signing_in(_filled: Filled) -> Iterator[Answer]:
    """What does not let anybody in."""
    for area in ("admin", "account"):
        for name, fields in (
            ("sign-in", _WRONG_PASSWORD),
            ("second-factor", {"code": "wrong"}),
            ("confirm", {"password": "not this one"}),
        ):
            yield Answer(f"{area}:{name}", f"/{area}/{name}/", fields)


def _of_setup(_filled: Filled) -> Iterator[Answer]:
    """Steps of the setup that say what is wrong, or what was made."""
    for name, fields in (
        ("unlock", {"code": "not this one"}),
        ("names", {"name": "not a name", "address": "nowhere"}),
        ("second-factor", {}),
        ("second-factor", {"code": "000000"}),
        ("registration", {"registration-mode": "sometimes"}),
        ("calls", {"turn-uris": "no address"}),
        ("mail", {"mail-port": "many"}),
        ("backup", {"backup-every_hours": "never"}),
        ("connectivity", {"typed_name": "not this one"}),
    ):
        yield Answer(f"setup:{name}", f"/setup/{name}/", fields, _SETUP)
