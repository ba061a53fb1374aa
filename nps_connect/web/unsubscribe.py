"""``/u/<token>``: GET shows a page, POST acts (RFC 8058: no redirect, no cookie, whoever sends it from wherever)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from nps_connect.records.pages import UnsubscribePage
from nps_connect.web.site import Site


def unsubscribe_routes(site: Site) -> APIRouter:
    """The routes of the unsubscribe page."""
    router = APIRouter()

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> Response:
        page = await run_in_threadpool(site.backend.unsubscribe_page, token)
        if request.method == "HEAD":
            return site.head_response(404 if page.state == "unknown" else 200)
        return render(request, token, page)

    # The body says `List-Unsubscribe=One-Click` or nothing at all; the token says everything, so it is not read.
    @router.post("/u/{token}")
    async def stop(token: str, request: Request) -> Response:
        return render(request, token, await run_in_threadpool(site.backend.unsubscribe, token))

    def render(request: Request, token: str, page: UnsubscribePage) -> Response:
        if page.state == "unknown":
            return site.notice("unknown", site.visitor_language(request), 404)
        language = site.requested_language(request.query_params.get("lang")) or page.language
        return site.page("unsubscribe", language, token=token, state=page.state, mailbox=page.mailbox)

    return router
