"""Pictures and files."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

actions = Views("admin_ui.sections.media.actions")
views = Views("admin_ui.sections.media.views")

urlpatterns = [
    path("media/", views.overview, name="media"),
    path("media/all/", views.listing, name="media-list"),
    path("media/clean/", actions.clean, name="media-clean"),
    path("media/chosen/<str:deed>/", actions.chosen, name="media-chosen"),
    path("media/<str:server_name>/<str:media_id>/", views.entry, name="media-entry"),
    path("media/<str:server_name>/<str:media_id>/<str:deed>/", actions.one, name="media-one"),
]
