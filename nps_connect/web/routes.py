"""Routes that FastAPI serves: personal links in mails, health and metrics."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from nps_connect.records.pages import DigestPage, UnsubscribePage
from nps_connect.web.forms import parse_query
from nps_connect.web.request_data import build_page_view
from nps_connect.web.site import Site
from nps_connect.web.web_request import WebRequest

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def mail_link_routes(site: Site) -> APIRouter:
    """``/u/<token>``: unsubscribe page. ``/r/<token>``: redirect to the review platform."""
    router = APIRouter()

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def show_unsubscribe_page(token: str, request: Request) -> Response:
        page = await run_in_threadpool(site.backend.unsubscribe_page, token)
        if request.method == "HEAD":
            return site.head_response(404 if page.state == "unknown" else 200)
        return render_unsubscribe_page(WebRequest(request.scope, request.receive), token, page)

    # RFC 8058: no redirect, no cookie, any origin. The body is `List-Unsubscribe=One-Click` or empty and not read.
    @router.post("/u/{token}")
    async def unsubscribe(token: str, request: Request) -> Response:
        page = await run_in_threadpool(site.backend.unsubscribe, token)
        return render_unsubscribe_page(WebRequest(request.scope, request.receive), token, page)

    def render_unsubscribe_page(request: WebRequest, token: str, page: UnsubscribePage) -> Response:
        if page.state == "unknown":
            return site.notice("unknown", site.visitor_language(request), 404)
        language = site.requested_language(parse_query(request.scope["query_string"]).language) or page.language
        return site.page("unsubscribe", language, token=token, state=page.state, mailbox=page.mailbox)

    @router.api_route("/r/{token}", methods=["GET", "HEAD"])
    async def open_review_page(token: str, request: Request) -> Response:
        visitor = WebRequest(request.scope, request.receive)
        view = build_page_view(visitor, site.clock())
        address = await run_in_threadpool(site.backend.resolve_review_link, token, view)
        if address is None or not address.startswith(("https://", "http://")):
            return site.notice("unknown", site.visitor_language(visitor), 404)
        return site.redirect(address)

    return router


def digest_routes(site: Site) -> APIRouter:
    """``/d/<token>``: the page on which a member of staff leaves a digest, or comes back."""
    router = APIRouter()

    @router.api_route("/d/{token}", methods=["GET", "HEAD"])
    async def show_digest_page(token: str, request: Request) -> Response:
        page = await run_in_threadpool(site.backend.digest_page, token)
        if request.method == "HEAD":
            return site.head_response(404 if page.state == "unknown" else 200)
        return render_digest_page(WebRequest(request.scope, request.receive), token, page)

    @router.post("/d/{token}")  # RFC 8058 too: the mail's button posts to the same address
    async def leave_digest(token: str, request: Request) -> Response:
        rejoins = request.query_params.get("rejoin") == "1"
        change = site.backend.rejoin_digest if rejoins else site.backend.leave_digest
        page = await run_in_threadpool(change, token)
        return render_digest_page(WebRequest(request.scope, request.receive), token, page)

    def render_digest_page(request: WebRequest, token: str, page: DigestPage) -> Response:
        if page.state == "unknown":
            return site.notice("unknown", site.visitor_language(request), 404)
        language = site.requested_language(parse_query(request.scope["query_string"]).language) or page.language
        values: dict[str, Any] = {"every": page.every, "team": page.team, "mailbox": page.mailbox}
        return site.page("digest", language, token=token, state=page.state, **values)

    return router


def health_routes(site: Site) -> APIRouter:
    """``/healthz``: the process responds. ``/readyz``: the application can work. ``/metrics``: Prometheus text.

    ``/metrics`` requires `core.metrics_token`; without that setting it does not exist.
    """
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
