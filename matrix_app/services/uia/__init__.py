"""User-interactive authentication ("User-Interactive Authentication API" of the client-server API)."""

from matrix_app.services.uia.authenticate import Completed, authenticate, finish, has_outcome
from matrix_app.services.uia.operation import Operation
from matrix_app.services.uia.sessions import forget
from matrix_app.services.uia.stages import EMAIL, SSO

__all__ = ["EMAIL", "SSO", "Completed", "Operation", "authenticate", "finish", "forget", "has_outcome"]
