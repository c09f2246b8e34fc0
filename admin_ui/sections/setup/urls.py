"""The setup of a new server, step by step."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

connectivity = Views("admin_ui.sections.setup.connectivity")
ending = Views("admin_ui.sections.setup.ending")
entry = Views("admin_ui.sections.setup.entry")
names = Views("admin_ui.sections.setup.names")
options = Views("admin_ui.sections.setup.options")
owner = Views("admin_ui.sections.setup.owner")
restore = Views("admin_ui.sections.setup.restore")
restore_elsewhere = Views("admin_ui.sections.setup.restore_elsewhere")
restore_upload = Views("admin_ui.sections.setup.restore_upload")
restore_work = Views("admin_ui.sections.setup.restore_work")

urlpatterns = [
    path("", entry.home, name="home"),
    path("unlock/", entry.unlock, name="unlock"),
    path("start/", entry.start, name="start"),
    path("restore/", restore.choose, name="restore"),
    path("restore/unpack/", restore.unpack, name="restore-unpack"),
    path("restore/upload/", restore_upload.begin, name="restore-upload"),
    path("restore/upload/whole/", restore_upload.whole, name="restore-upload-whole"),
    path("restore/upload/remove/", restore_upload.remove, name="restore-upload-remove"),
    path("restore/upload/<str:mark>/<int:at>/", restore_upload.piece, name="restore-upload-piece"),
    path("restore/host-key/", restore_elsewhere.look_at_key, name="restore-host-key"),
    path("restore/trust/", restore_elsewhere.trust, name="restore-trust"),
    path("restore/fetch/", restore_elsewhere.fetch, name="restore-fetch"),
    path("restore/elsewhere/<str:kind>/", restore_elsewhere.place, name="restore-elsewhere"),
    path("restore/elsewhere/<str:kind>/look/", restore_elsewhere.look, name="restore-look"),
    path("restore/tasks/<int:nid>/", restore_work.task, name="restore-task"),
    path("restore/tasks/<int:nid>/cancel/", restore_work.cancel, name="restore-task-cancel"),
    path("restore/backups/<str:name>/", restore.detail, name="restore-backup"),
    path("restore/backups/<str:name>/kit/", restore.open_with_kit, name="restore-kit"),
    path("restore/backups/<str:name>/verify/", restore.verify, name="restore-verify"),
    path("restore/backups/<str:name>/confirm/", restore.confirm, name="restore-confirm"),
    path("restoring/", restore_work.restoring, name="restoring"),
    path("names/", names.names, name="names"),
    path("restarting/", names.restarting, name="restarting"),
    path("connectivity/", connectivity.connectivity, name="connectivity"),
    path("connectivity/run/", connectivity.run, name="connectivity-run"),
    path("connectivity/rows/", connectivity.rows, name="connectivity-rows"),
    path("owner/", owner.owner, name="owner"),
    path("second-factor/", owner.second_factor, name="second-factor"),
    path("second-factor/passkey/begin/", owner.begin_passkey, name="passkey-begin"),
    path("second-factor/passkey/", owner.add_passkey, name="passkey-add"),
    path("registration/", options.registration, name="registration"),
    path("calls/", options.calls, name="calls"),
    path("calls/try/", options.try_calls, name="calls-run"),
    path("calls/rows/", options.calls_rows, name="calls-rows"),
    path("mail/", options.mail, name="mail"),
    path("mail/test/", options.test_mail, name="mail-test"),
    path("backup/", ending.backup, name="backup"),
    path("kit/", ending.fetch_kit, name="kit"),
    path("finish/", ending.finish, name="finish"),
]
