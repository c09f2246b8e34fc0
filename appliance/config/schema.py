"""Every setting of Hearth, in the order in which `hearth.toml` shows them."""

from __future__ import annotations

from msgspec import field

from appliance.config.fields import Section
from appliance.config.sections.accounts import Captcha, Cas, OAuth, Pages, PasswordPolicy, Registration
from appliance.config.sections.backup import Backup
from appliance.config.sections.calls import Rtc, Turn
from appliance.config.sections.diagnostics import Alerts, Diagnostics, Metrics
from appliance.config.sections.limits import Limits, RateLimits
from appliance.config.sections.mail import Mail
from appliance.config.sections.matrix import (
    AppServices,
    Federation,
    Outgoing,
    Presence,
    Retention,
    Rooms,
)
from appliance.config.sections.media import Media
from appliance.config.sections.notices import Notices
from appliance.config.sections.proxy import Proxy
from appliance.config.sections.push import Push
from appliance.config.sections.server import Database, Logging, Redis, Server, Web, Worker
from appliance.config.sections.updates import Updates


class Config(Section, frozen=True):
    """The whole configuration. Immutable: a change takes effect when the server starts again."""

    server: Server = field(default_factory=Server)
    proxy: Proxy = field(default_factory=Proxy)
    database: Database = field(default_factory=Database)
    redis: Redis = field(default_factory=Redis)
    web: Web = field(default_factory=Web)
    worker: Worker = field(default_factory=Worker)
    registration: Registration = field(default_factory=Registration)
    oauth: OAuth = field(default_factory=OAuth)
    captcha: Captcha = field(default_factory=Captcha)
    cas: Cas = field(default_factory=Cas)
    password_policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    pages: Pages = field(default_factory=Pages)
    mail: Mail = field(default_factory=Mail)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    limits: Limits = field(default_factory=Limits)
    federation: Federation = field(default_factory=Federation)
    outgoing: Outgoing = field(default_factory=Outgoing)
    media: Media = field(default_factory=Media)
    presence: Presence = field(default_factory=Presence)
    rooms: Rooms = field(default_factory=Rooms)
    retention: Retention = field(default_factory=Retention)
    push: Push = field(default_factory=Push)
    turn: Turn = field(default_factory=Turn)
    rtc: Rtc = field(default_factory=Rtc)
    app_services: AppServices = field(default_factory=AppServices)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    alerts: Alerts = field(default_factory=Alerts)
    notices: Notices = field(default_factory=Notices)
    backup: Backup = field(default_factory=Backup)
    metrics: Metrics = field(default_factory=Metrics)
    updates: Updates = field(default_factory=Updates)
    logging: Logging = field(default_factory=Logging)
