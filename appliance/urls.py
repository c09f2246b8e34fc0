"""Django's URLs: one view for the whole of Matrix, and the pages."""

from django.urls import URLPattern, URLResolver, include, re_path

from matrix_app.http.dispatch import dispatch

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^(?:_matrix|_synapse|\.well-known)(?:/|$)", dispatch),
    re_path(r"^(?=admin/|setup/|account/|static/)", include("admin_ui.urls")),
    re_path(r"", dispatch),
]

handler500 = "matrix_app.http.dispatch.bug"
handler400 = "admin_ui.forged.bad_request"
