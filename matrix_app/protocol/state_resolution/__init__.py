"""State resolution: one state of a room out of several ("State resolution" of each room version)."""

from matrix_app.protocol.state_resolution.auth_checks import AuthCheck
from matrix_app.protocol.state_resolution.conflicts import StateIds
from matrix_app.protocol.state_resolution.memory_store import InMemoryEventStore
from matrix_app.protocol.state_resolution.resolution import resolve
from matrix_app.protocol.state_resolution.store import EventStore

__all__ = ["AuthCheck", "EventStore", "InMemoryEventStore", "StateIds", "resolve"]
