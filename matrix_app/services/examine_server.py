"""Looking at every hop of the way to a server: the federation layer above is looked up when needed."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.protocol.ids import parse_server_name
from matrix_app.services import audit
from matrix_app.services.audit import Actor

Status = Literal["ok", "info", "warn", "error"]


class Hop(NamedTuple):
    """A step: its kind (well_known, srv, address, tls, keys, version), what was asked, what came of it."""

    kind: str
    subject: str
    status: Status
    text: str


class Examination(NamedTuple):
    """The steps in their order, and the server's software where it said so."""

    server_name: str
    hops: tuple[Hop, ...]
    software: str = ""
    route: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether other servers would reach it: its version and its keys could be had."""
        good = {hop.kind for hop in self.hops if hop.status == "ok"}
        return {"keys", "version"} <= good

    def of_kind(self, kind: str) -> list[Hop]:
        """The steps of a kind."""
        return [hop for hop in self.hops if hop.kind == kind]


class Examiner(Protocol):
    """What the federation layer does for this."""

    def __call__(self, server_name: str) -> Examination:
        """Take every step anew, nothing remembered; about half a minute at most."""
        ...


def examine(server_name: str) -> Examination:
    """Every step to a server, this one included; raises `InvalidParam` for what is no server name."""
    parse_server_name(server_name)
    examiner: Examiner = import_string(settings.SERVER_EXAMINER)
    return examiner(server_name)


def examine_for(actor: Actor, server_name: str) -> Examination:
    """As `examine`, and noted in the audit log, since it connects to an address that somebody chose."""
    parse_server_name(server_name)
    audit.record(actor, "server.examine", server_name)
    return examine(server_name)
