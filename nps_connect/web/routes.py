"""Routes other than the survey page: webhooks, bounce reports, personal links in mails, health and metrics."""

from __future__ import annotations

import asyncio
import hmac

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.records.pages import UnsubscribePage
from nps_connect.web.request_data import UnreadableBody, build_page_view, build_webhook_request, read_body
from nps_connect.web.site import Site

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_BODY_BYTES = 1024 * 1024
STORE_TIMEOUT_SECONDS = 9.0
"""Longest wait for the ledger. Vendors disconnect after 10 to 12 s, and some count that worse than a 503."""

RETRY_AFTER_SECONDS = "10"
"""Some vendors resend a refused webhook only if the response asks for it within a minute."""


def webhook_routes(site: Site) -> APIRouter:
    """``POST /hooks/<connection>``: webhooks. ``POST /b/<token>``: bounce reports. Both are stored durably first."""
    router = APIRouter()

    @router.post("/hooks/{connection}")
    async def accept_webhook(connection: str, request: Request) -> Response:
        received_at = site.clock()
        try:
            body = await read_body(request, MAX_BODY_BYTES)
        except UnreadableBody as error:
            return JSONResponse({"error": error.code}, error.status)
        webhook = build_webhook_request(request, body, site.backend.public_url, received_at)
        stored = asyncio.ensure_future(site.webhook_batcher.submit((connection, webhook)))
        try:
            async with asyncio.timeout(STORE_TIMEOUT_SECONDS):
                await asyncio.shield(stored)
        except TimeoutError:  # it may still be stored; the vendor's resend is then a duplicate, which adds nothing
            stored.add_done_callback(lambda late: late.exception())
            return unavailable_response()
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted"})

    @router.post("/b/{token}")
    async def accept_bounce_report(token: str, request: Request) -> Response:
        """The token authenticates the mail server; the body is one message as the mail server received it."""
        try:
            body = await read_body(request, MAX_BODY_BYTES)
            new_bounces = await run_in_threadpool(site.backend.report_bounces, token, body)
        except UnreadableBody as error:
            return JSONResponse({"error": error.code}, error.status)
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted", "new": new_bounces})

    return router


def unavailable_response() -> Response:
    """Return a 503 that asks for a resend soon: the ledger is unreachable, locked or full."""
    return JSONResponse({"error": "trouble"}, 503, {"Retry-After": RETRY_AFTER_SECONDS})


def mail_link_routes(site: Site) -> APIRouter:
    """``/u/<token>``: unsubscribe page. ``/r/<token>``: redirect to the review platform."""
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
