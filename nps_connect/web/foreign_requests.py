"""Which requests come from another host: they prove that the public address works from outside."""

from __future__ import annotations

from starlette.types import Scope

from nps_connect.records.base import is_loopback

MONITORED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked by monitoring and by `doctor`, often on this host or beside it."""

FORWARDING_HEADERS = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})


def is_foreign(scope: Scope) -> bool:
    """Return whether another host sent a request, directly or through a reverse proxy on this host."""
    client = scope.get("client")
    if client is None or scope["path"] in MONITORED_PATHS:
        return False
    return not is_loopback(client[0]) or any(name in FORWARDING_HEADERS for name, _ in scope["headers"])
