"""Graphs of a day, a month or a year."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.sections.graphs.figures import FIGURES, charts
from admin_ui.visit import Visit
from appliance.metrics.forecast import disk_full_in_days
from matrix_app.storage.samples import SPANS

LABELS = {"day": _("Day"), "month": _("Month"), "year": _("Year")}


@page("admin")
def graphs(visit: Visit) -> HttpResponse:
    """Every figure over one span."""
    name = visit.query("span", "day")
    name = name if name in SPANS else "day"
    return visit.page(
        "graphs/graphs",
        charts=charts(FIGURES, SPANS[name]),
        spans=LABELS.items(),
        span=name,
        full_in=disk_full_in_days(),
    )
