"""``/healthz``: the process responds. ``/readyz``: the application can work. ``/metrics``: Prometheus text."""

from __future__ import annotations

import hmac

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from nps_connect.web.site import Site

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def health_routes(site: Site) -> APIRouter:
    """Routes for monitoring. ``/metrics`` requires `core.metrics_token`; without that setting it does not exist."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def liveness() -> Response:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readiness() -> Response:
        problems = await run_in_threadpool(site.backend.problems)
        return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        token = site.backend.metrics_token
        if token is None:
            raise HTTPException(404)
        authorization = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(authorization, f"Bearer {token}".encode()):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return PlainTextResponse(await run_in_threadpool(site.backend.metrics), media_type=METRICS_CONTENT_TYPE)

    return router
