"""The HTTP server: uvicorn with httptools, and uvloop where it exists, under limits for hostile clients."""

from __future__ import annotations

from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from nps_connect.web.connections import ConnectionLimiter
from nps_connect.web.server_protocol import ServerProtocol

GRACEFUL_SHUTDOWN_SECONDS = 10
"""How long open requests may continue after the stop signal."""


def build_server(app: ASGIApp, **limits: Any) -> uvicorn.Server:  # noqa: ANN401
    """Build the server of an application; call its `run` with the listening sockets.

    Args:
        app: the application.
        limits: of `ConnectionLimiter`, where they differ from its defaults.
    """
    config = uvicorn.Config(
        app,
        http=partial(ServerProtocol, limiter=ConnectionLimiter(**limits)),  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)
