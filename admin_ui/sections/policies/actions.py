"""What an administrator does with policy lists."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services.policy_lists import follow, matching, own_list
from matrix_app.storage.policy_lists import Applied

# Does something with a list: where to go, and the message there.
Deed = Callable[[Visit, int], tuple[str, str]]


class SubscribeForm(forms.Form):
    """Where a list is."""

    room = forms.CharField(
        label=_("Alias or ID of the room"),
        max_length=255,
        widget=forms.TextInput(
            attrs={"placeholder": "#list:example.org", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    via = forms.CharField(
        label=_("Servers that are in it (for an ID)"),
        max_length=1000,
        required=False,
        help_text=_("Names of servers with spaces between them; an alias leads to them by itself."),
    )


@page("admin", confirmed=True)
def subscribe(visit: Visit) -> HttpResponse:
    """Follow a list; nothing of it is applied yet."""
    form = SubscribeForm(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        try:
            nid = follow.subscribe(visit.actor, given["room"], given["via"].split())
        except MatrixError as error:
            form.add_error("room", told(error))
        else:
            message = _t("The list is followed. Look whom it means, then have it applied.")
            return visit.redirect(_page_of(nid), message)
    return visit.page("policies/subscribe", form=form)


@page("admin", confirmed=True)
def make_own(visit: Visit) -> HttpResponse:
    """Make this server's own list."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:policy-lists"))
    nid = own_list.make_own(visit.actor, is_public=visit.form.get("public") == "on")
    return visit.redirect(_rules_of(nid), _t("The list has been made, and is applied. Write its first rule."))


def _page_of(nid: int) -> str:
    return reverse("admin:policy-list", args=[nid])


def _rules_of(nid: int) -> str:
    return reverse("admin:policy-rules", args=[nid])


def _action(deed: Deed, *, confirmed: bool = True) -> Callable[..., HttpResponseBase]:
    @page("admin", confirmed=confirmed)
    def answer(visit: Visit, nid: int) -> HttpResponse:
        follow.find(nid)
        return visit.redirect(*(deed(visit, nid) if visit.is_post else (_page_of(nid), "")))

    return answer


def _configure(visit: Visit, nid: int) -> tuple[str, str]:
    wanted = Applied(*(visit.form.get(name) == "on" for name in Applied._fields))
    follow.configure(visit.actor, nid, wanted)
    if wanted.enabled:
        return _page_of(nid), _t("The list is applied.")
    return _page_of(nid), _t("The list is not applied.")


def _look(visit: Visit, nid: int) -> tuple[str, str]:
    return reverse("admin:task", args=[matching.look(visit.actor, nid)]), ""


def _join(visit: Visit, nid: int) -> tuple[str, str]:
    follow.join_again(visit.actor, nid)
    return _page_of(nid), _t("The server's own user is joining the room.")


def _unsubscribe(visit: Visit, nid: int) -> tuple[str, str]:
    follow.unsubscribe(visit.actor, nid)
    return reverse("admin:policy-lists"), _t("The list is followed no longer.")


def _add_rule(visit: Visit, nid: int) -> tuple[str, str]:
    given = visit.form
    entity, reason = given.get("entity", "").replace("\0", ""), given.get("reason", "").replace("\0", "")
    own_list.add_rule(visit.actor, given.get("kind", ""), entity, reason)
    return _rules_of(nid), _t("The rule is in effect.")


def _remove_rule(visit: Visit, nid: int) -> tuple[str, str]:
    own_list.remove_rule(visit.actor, visit.form.get("rule", ""))
    return _rules_of(nid), _t("The rule has been taken back.")


ACTIONS: dict[str, Callable[..., HttpResponseBase]] = {
    "configure": _action(_configure),
    "look": _action(_look, confirmed=False),
    "join": _action(_join, confirmed=False),
    "unsubscribe": _action(_unsubscribe),
    "rules/add": _action(_add_rule),
    "rules/remove": _action(_remove_rule),
}
