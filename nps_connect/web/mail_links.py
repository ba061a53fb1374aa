"""``/u/<token>``: unsubscribe page. ``/r/<token>``: redirect to the review platform."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from nps_connect.records.pages import UnsubscribePage
from nps_connect.web.request_data import build_page_view
from nps_connect.web.site import Site


def mail_link_routes(site: Site) -> APIRouter:
    """Routes of the personal links in mails, except the survey itself."""
    router = APIRouter()

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def show_unsubscribe_page(token: str, request: Request) -> Response:
        page = await run_in_threadpool(site.backend.unsubscribe_page, token)
        if request.method == "HEAD":
            return site.head_response(404 if page.state == "unknown" else 200)
        return render_unsubscribe_page(request, token, page)

    # RFC 8058: no redirect, no cookie, any origin. The body is `List-Unsubscribe=One-Click` or empty and not read.
    @router.post("/u/{token}")
    async def unsubscribe(token: str, request: Request) -> Response:
        return render_unsubscribe_page(request, token, await run_in_threadpool(site.backend.unsubscribe, token))

    def render_unsubscribe_page(request: Request, token: str, page: UnsubscribePage) -> Response:
        if page.state == "unknown":
            return site.notice("unknown", site.visitor_language(request), 404)
        language = site.requested_language(request.query_params.get("lang")) or page.language
        return site.page("unsubscribe", language, token=token, state=page.state, mailbox=page.mailbox)

    @router.api_route("/r/{token}", methods=["GET", "HEAD"])
    async def open_review_page(token: str, request: Request) -> Response:
        view = build_page_view(request, site.clock())
        address = await run_in_threadpool(site.backend.resolve_review_link, token, view)
        if address is None or not address.startswith(("https://", "http://")):
            return site.notice("unknown", site.visitor_language(request), 404)
        return site.redirect(address)

    return router
