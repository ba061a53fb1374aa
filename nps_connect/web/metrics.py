"""``/metrics``: how the application stands, as Prometheus text, for whoever holds the token."""

from __future__ import annotations

import hmac

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from nps_connect.web.site import Site

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_routes(site: Site) -> APIRouter:
    """The route for monitoring; it does not exist unless ``core.metrics_token`` is set."""
    router = APIRouter()

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        token = site.backend.metrics_token
        if token is None:
            raise HTTPException(404)
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return PlainTextResponse(await run_in_threadpool(site.backend.metrics), media_type=CONTENT_TYPE)

    return router
