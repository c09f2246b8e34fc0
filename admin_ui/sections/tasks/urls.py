"""Long tasks."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.tasks.views")

urlpatterns = [
    path("tasks/", views.tasks, name="tasks"),
    path("tasks/<int:nid>/", views.task, name="task"),
    path("tasks/<int:nid>/cancel/", views.cancel, name="task-cancel"),
]
