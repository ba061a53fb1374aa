"""``/healthz``: the process answers. ``/readyz``: the application can work, or says why not."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from nps_connect.web.site import Site


def health_routes(site: Site) -> APIRouter:
    """The routes for whoever watches over the process."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def alive() -> Response:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def ready() -> Response:
        problems = await run_in_threadpool(site.backend.problems)
        return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)

    return router
