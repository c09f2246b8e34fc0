"""The steps of the setup: their order and titles, and how one leads to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.services import setup
from matrix_app.services.setup import STEPS

TITLES: dict[str, Promise | str] = {
    "start": _("New or restored"),
    "names": _("Names"),
    "connectivity": _("Connection"),
    "owner": _("Your account"),
    "second-factor": _("Second factor"),
    "registration": _("Who may join"),
    "calls": _("Calls"),
    "mail": _("Mail"),
    "backup": _("Backup"),
    "finish": _("Ready"),
}

StepView = Callable[..., HttpResponse]


class ShownStep(NamedTuple):
    """A step in the list of steps; only those that were reached lead anywhere."""

    title: Promise | str
    address: str
    is_here: bool
    is_reached: bool
    is_done: bool


def step(name: str) -> Callable[[StepView], Callable[..., HttpResponseBase]]:
    """Declare the decorated view as the page of a step; who is not so far is led to the step they are at."""

    def declare(view: StepView) -> Callable[..., HttpResponseBase]:
        @page("setup")
        def answer(visit: Visit, **path: Any) -> HttpResponse:
            if STEPS.index(name) > STEPS.index(visit.setup.step):
                return visit.redirect(reverse(f"setup:{visit.setup.step}"))
            return view(visit, **path)

        return answer

    return declare


def show(visit: Visit, name: str, *, template: str = "", status: int = 200, **values: Any) -> HttpResponse:
    """The page of a step."""
    here, reached = STEPS.index(name), STEPS.index(visit.setup.step)
    shown = [
        ShownStep(TITLES[each], reverse(f"setup:{each}"), at == here, at <= reached, at < reached)
        for at, each in enumerate(STEPS)
    ]
    back = reverse(f"setup:{STEPS[here - 1]}") if here else ""
    return visit.page(
        template or f"setup/{name.replace('-', '_')}",
        status=status,
        steps=shown,
        number=here + 1,
        title=TITLES[name],
        back=back,
        **values,
    )


def go_on(visit: Visit, name: str, message: str = "") -> HttpResponse:
    """Go to the step after this one."""
    following = STEPS[STEPS.index(name) + 1]
    setup.reach(following)
    return visit.redirect(reverse(f"setup:{following}"), message)
