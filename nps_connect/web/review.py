"""``/r/<token>``: on to the review platform."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from nps_connect.web.request_data import build_visit_info
from nps_connect.web.site import Site


def review_routes(site: Site) -> APIRouter:
    """The route of the review link."""
    router = APIRouter()

    @router.api_route("/r/{token}", methods=["GET", "HEAD"])
    async def leave(token: str, request: Request) -> Response:
        target = await run_in_threadpool(site.backend.review_target, token, build_visit_info(request, site.clock()))
        if target is None or not target.startswith(("https://", "http://")):
            return site.notice("unknown", site.visitor_language(request), 404)
        return site.redirect(target)

    return router
