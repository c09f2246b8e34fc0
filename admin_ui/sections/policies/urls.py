"""Policy lists that this server follows."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

actions = Views("admin_ui.sections.policies.actions")
views = Views("admin_ui.sections.policies.views")

urlpatterns = [
    path("policies/", views.lists, name="policy-lists"),
    path("policies/subscribe/", actions.subscribe, name="policy-subscribe"),
    path("policies/own/", actions.make_own, name="policy-own"),
    path("policies/<int:nid>/", views.detail, name="policy-list"),
    path("policies/<int:nid>/rules/", views.rules, name="policy-rules"),
    path("policies/<int:nid>/matches/", views.matches, name="policy-matches"),
    *[
        path(f"policies/<int:nid>/{name}/", view, name=f"policy-{name.replace('/', '-')}")
        for name, view in actions.ACTIONS.entries(
            "configure", "look", "join", "unsubscribe", "rules/add", "rules/remove"
        )
    ],
]
