"""Django's settings, all of them derived from `appliance.config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.functional import SimpleLazyObject

from appliance import packaged
from appliance.config import get_config
from appliance.config.addresses import parse_database_url

if TYPE_CHECKING:
    from appliance.config import Config


def _secret_key() -> str:
    from appliance.secrets import django_secret_key

    return django_secret_key()


def _database(config: Config) -> dict[str, Any]:
    address = parse_database_url(config.database.url, config.server.data_dir)
    common = {**address.django(), "CONN_MAX_AGE": None, "ATOMIC_REQUESTS": False}
    if address.engine == "sqlite":
        return {**common, "OPTIONS": _sqlite_options(config)}
    options = {**_postgresql_options(config), **dict(address.options)}
    return {**common, "OPTIONS": options}


def _sqlite_options(config: Config) -> dict[str, Any]:
    pragmas = {
        # Freed pages can be given back to the disk a few at a time; only a new file takes this.
        "auto_vacuum": "INCREMENTAL",
        "journal_mode": "WAL",
        "synchronous": config.database.synchronous.upper(),
        "cache_size": -config.database.cache_kib,
        "journal_size_limit": 67_108_864,
        # 16 MB of changes are gathered before they go to the database file: a page that changes with
        # every message is then written there once and not a hundred times.
        "wal_autocheckpoint": 4000,
        "temp_store": "MEMORY",
    }
    return {
        # A transaction that will write takes the write lock at once: it can then wait for it,
        # where one that began by reading would be refused.
        "transaction_mode": "IMMEDIATE",
        "timeout": config.database.busy_timeout_seconds,
        # Statements are constant text; with fewer than there are, each would be compiled again and again.
        "cached_statements": 1000,
        "init_command": ";".join(f"PRAGMA {name}={value}" for name, value in pragmas.items()),
    }


# A machine with the database that is cut off says nothing, and the system would wait for hours: all who have
# asked it something would hang. So it is asked for a sign of life, and given up after less than a minute.
_SIGNS_OF_LIFE = {
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,
}


def _postgresql_options(config: Config) -> dict[str, Any]:
    database = config.database
    timeouts = {
        "statement_timeout": database.statement_timeout_seconds * 1000,
        "lock_timeout": database.busy_timeout_seconds * 1000,
        "idle_in_transaction_session_timeout": 60_000,
    }
    return {
        "connect_timeout": database.connect_timeout_seconds,
        **_SIGNS_OF_LIFE,
        "application_name": "hearth",
        # Our own statements are prepared by `storage.prepared`. The driver must not prepare any: after a
        # rollback it would forget those of everybody.
        "server_side_binding": True,
        "prepare_threshold": None,
        "options": " ".join(f"-c {name}={value}" for name, value in timeouts.items()),
    }


def _broker(config: Config) -> dict[str, Any]:
    if config.redis.url:
        return {"redis": config.redis.url}
    return {"orm": "default", "broker_class": "appliance.task_queue.broker.WokenBroker"}


def _task_queue(config: Config) -> dict[str, Any]:
    worker = config.worker
    return {
        "name": "hearth",
        "label": "Hearth tasks",
        **_broker(config),
        "workers": worker.processes,
        "recycle": worker.tasks_before_recycle,
        "timeout": worker.task_timeout_seconds,
        # A task whose worker died is offered again after this; it must be longer than the timeout.
        "retry": worker.task_timeout_seconds + 60,
        "max_attempts": 3,
        "ack_failures": True,
        "queue_limit": 50,
        "bulk": 10,
        "poll": worker.poll_seconds,
        "save_limit": config.retention.task_results or -1,
        "catch_up": False,
    }


_config = get_config()

SERVER_NAME = _config.server.name
SECRET_KEY = SimpleLazyObject(_secret_key)
DEBUG = False
# The names that requests arrive under are the proxy's business; Hearth builds no address from them.
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["matrix_app.storage", "django_q", "admin_ui", "django_htmx", "django.contrib.staticfiles"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "appliance.urls"
DATABASES = {"default": _database(_config)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
Q_CLUSTER = _task_queue(_config)

# Called with the log entries of each commit that moved the stream of changes.
STREAM_LISTENER = "matrix_app.sync.wakeups.tell_others"
# What the HTTP layer calls without knowing the layers above it.
ENDPOINT_PACKAGES = ["matrix_app.client_api", "matrix_app.federation.server"]
WAITING_CONSUMER = "matrix_app.sync.consumer.WaitingConsumer"
ON_STARTUP = "matrix_app.sync.hub.start"
# What services ask other servers through, without knowing the layer above them.
REMOTE_SERVERS = "matrix_app.federation.waiting.servers"
# Looks at every hop of the way to a server.
SERVER_EXAMINER = "matrix_app.federation.examine.examine"
# What the checks of the diagnostics see of the network.
DIAGNOSTICS_OUTSIDE = "appliance.diagnostics.outside.network"
# What services ask other servers for keys of their users through.
REMOTE_KEYS = "matrix_app.federation.outbound.keys.keys"
# Asks other servers for what is missing of a room's history.
OLDER_HISTORY = "matrix_app.federation.inbound.backfill.fetch_older"
HISTORY_AT_TIME = "matrix_app.federation.inbound.backfill.fetch_at"
LATEST_EVENT = "matrix_app.federation.inbound.latest.fetch_latest"
# What services take part in rooms of other servers through.
REMOTE_ROOMS = "matrix_app.federation.outbound.rooms.rooms"
# Makes previews of links.
URL_PREVIEWS = "matrix_app.previews.maker.previews"
# Gets media of other servers.
REMOTE_MEDIA = "matrix_app.federation.outbound.media.media"
# Awaited before a view runs that is for other servers: learns the keys of the one that asks.
SERVER_INTRODUCTION = "matrix_app.federation.introduction.introduce"
# What runs beside the tasks in each worker process.
WORKER_COMPANIONS = [
    "matrix_app.federation.sender.start",
    "matrix_app.federation.inbound.asking.start",
    "matrix_app.push.start",
    "matrix_app.federation.outbound.join_service.start",
    "matrix_app.appservices.start",
    "matrix_app.services.long_tasks.begin_waiting",
    "matrix_app.services.wrong_clock.watch",
]
SERVER_AUTHENTICATION = "matrix_app.federation.authentication.authenticate_server"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]

# The pages: see admin_ui/.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
STATIC_URL = "/static/"
# A package brings the collected files along; otherwise they are collected at the start.
PACKAGED_STATIC = packaged.STATIC
STATIC_ROOT = PACKAGED_STATIC if packaged.is_packaged() else _config.server.data_dir / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "admin_ui.static_storage.StaticFiles"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
CSRF_COOKIE_NAME = "hearth_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "admin_ui.forged.forged"

# Limits of bodies are kept before a view runs, endpoint by endpoint.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
APPEND_SLASH = False
LOGGING_CONFIG = None
