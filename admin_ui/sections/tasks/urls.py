"""Long tasks."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.tasks import views

urlpatterns = [
    path("tasks/", views.tasks, name="tasks"),
    path("tasks/<int:nid>/", views.task, name="task"),
    path("tasks/<int:nid>/cancel/", views.cancel, name="task-cancel"),
]
