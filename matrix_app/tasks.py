"""What the worker is asked to do, one line each: every task is idempotent and finds its work itself."""

from __future__ import annotations


def propagate_profile(user_id: str) -> None:
    """Show a changed profile in every room of its user."""
    from matrix_app.services.profile_propagation import propagate

    propagate(user_id)


def send_confirmation(sid: str) -> None:
    """Send the mail of a validation session."""
    from matrix_app.services.threepids.validation import send_confirmation as send

    send(sid)


def leave_all_rooms(user_nid: int) -> None:
    """Let a deactivated user leave every room."""
    from matrix_app.services.deactivate import leave_all_rooms as leave

    leave(user_nid)


def leave_late_rooms() -> None:
    """Let deactivated users leave rooms that they are still in."""
    from matrix_app.services.deactivate import leave_late_rooms as leave

    leave()


def end_banned_invites() -> None:
    """Take back invites by those whom policy lists ban, where that is wanted."""
    from matrix_app.services.policy_lists.waiting_invites import end_banned_invites as end

    end()


def propagate_late_profiles() -> None:
    """Show changed profiles in rooms that a process which ended has left out."""
    from matrix_app.services.profile_propagation import propagate_late

    propagate_late()


def sweep_unread() -> None:
    """Remove what no longer counts as unread."""
    from matrix_app.services.read_marks import sweep

    sweep()


def send_digest(pusher_nid: int) -> None:
    """Mail what a user has missed."""
    from matrix_app.push.digest import send_digest as send

    send(pusher_nid)


def expire_typing() -> None:
    """End the typing of those whose process ended."""
    from matrix_app.services.typing import expire

    expire()


def expire_presence() -> None:
    """Let the presence of those who are gone run out."""
    from matrix_app.services.presence_sweep import sweep_all

    sweep_all()


def follow_tombstone(room_nid: int) -> None:
    """Carry over what users set for a room that is replaced by one that they are in already."""
    from matrix_app.services.room_succession import follow_tombstone as follow

    follow(room_nid)


def remove_guests() -> None:
    """Let guests leave rooms that do not let guests in any more."""
    from matrix_app.services.guest_access import remove_unwelcome

    remove_unwelcome()


def run_joins() -> None:
    """Join rooms of other servers that users want to be in."""
    from matrix_app.federation.outbound.join_service import wake

    wake()


def fill_gaps() -> None:
    """Complete what other servers sent, which are asked for what is missing."""
    from matrix_app.federation.inbound.asking import wake

    wake()


def sweep_inbound() -> None:
    """Come back to what other servers sent and nobody has judged."""
    from matrix_app.federation.inbound.asking import wake

    wake()


def resync_device_lists() -> None:
    """Ask other servers for device lists of their users that are out of date."""
    from matrix_app.federation.device_lists import resync_soon

    resync_soon()


def trim_device_messages() -> None:
    """Drop the oldest messages for devices that have too many waiting."""
    from matrix_app.services.clean_up import trim_device_messages as trim

    trim()


def tidy_device_lists() -> None:
    """Forget device lists that nobody needs, and changes of devices and keys that later ones made void."""
    from matrix_app.services.clean_up import trim_device_changes
    from matrix_app.services.remote_devices import drop_unshared

    drop_unshared()
    trim_device_changes()


def trim_stream() -> None:
    """Remove old entries of the stream's log."""
    from matrix_app.services.clean_up import trim_stream as trim

    trim()


def forget_transactions() -> None:
    """Forget old transaction IDs of clients."""
    from matrix_app.services.clean_up import forget_transactions as forget

    forget()


def forget_connections() -> None:
    """Forget from where and with what users connected long ago."""
    from matrix_app.services.connection_history import forget_old

    forget_old()


def delete_expired() -> None:
    """Delete tokens and sessions whose time is over."""
    from matrix_app.services.clean_up import delete_expired as delete

    delete()


def remove_backup_keys(version_nid: int) -> None:
    """Remove the keys of a deleted key backup."""
    from matrix_app.services.key_backup import remove_keys

    remove_keys(version_nid)


def index_search() -> None:
    """Index messages that came since the last search."""
    from matrix_app.services.search_index import index_pending

    index_pending(most=100_000)


def forget_redacted() -> None:
    """Remove the content of events that were redacted some time ago."""
    from matrix_app.services.forget_redacted import forget_redacted as forget

    forget()


def expire_messages() -> None:
    """Remove messages whose time has come."""
    from matrix_app.services.effects.self_destruct import remove_expired

    remove_expired()


def run_long_task(nid: int) -> None:
    """Go on with a long task."""
    from matrix_app.services.long_tasks import run

    run(nid)


def run_checks(group: str = "") -> None:
    """Look whether everything works, or what one group looks at."""
    from appliance.diagnostics.watch import look, look_by_schedule

    if group:
        look(None if group == "all" else [group])
    else:
        look_by_schedule()


def take_sample() -> None:
    """Put what the graphs show into their rings."""
    from appliance.metrics.sampling import take

    take()


def try_alerts() -> None:
    """Show that alerts reach administrators, or that they do not."""
    from appliance.diagnostics.watch import try_alerts as try_them

    try_them()


def ask_for_release() -> None:
    """Ask whether there is a newer release, where somebody is to be asked."""
    from matrix_app.services.newer_release import ask_for_release as ask

    ask()


def mail_changes() -> None:
    """Mail which checks became bad or good since the last such mail."""
    from appliance.diagnostics.changes import mail_changes as send

    send()


def tidy_room_for_tests() -> None:
    """Remove old messages of the checks."""
    from matrix_app.services.system_user import tidy_room_for_tests as tidy

    tidy()


def back_up_if_due() -> None:
    """Make a backup when the last one is too old; else copy it elsewhere, verify one when none has been.

    One that somebody began to send and never went on with is removed.
    """
    from appliance.backup.receiving import remove_abandoned
    from appliance.backup.remote_task import upload_if_due
    from appliance.backup.task import start_if_due, verify_if_due

    remove_abandoned()
    if start_if_due() is None and upload_if_due() is None:
        verify_if_due()


def resume_long_tasks() -> None:
    """Go on with long tasks whose worker ended."""
    from matrix_app.services.long_tasks import resume_all

    resume_all()


def erase_media(user_nid: int) -> None:
    """Remove the files of a user whose account was erased."""
    from matrix_app.services.remove_media import erase_of_user

    erase_of_user(user_nid)


def evict_media() -> None:
    """Remove media that nobody uploaded, or that have not been used for long."""
    from matrix_app.services.evict_media import evict

    evict()


def remove_stray_media() -> None:
    """Remove files from the store of media that nothing in the database refers to."""
    from matrix_app.services.stray_media import remove_strays

    remove_strays()


def remove_user_imports() -> None:
    """Forget tables of users whose time is over."""
    from matrix_app.services.user_import.requests import remove_expired

    remove_expired()


def remove_account_exports() -> None:
    """Remove archives of accounts whose time is over."""
    from matrix_app.services.account_export.requests import remove_expired

    remove_expired()


def remove_support_bundles() -> None:
    """Remove support bundles that nobody has fetched in a day."""
    from appliance.support.keep import forget_old

    forget_old()
