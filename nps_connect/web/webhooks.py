"""``POST /hooks/<connection>``: webhooks of vendors. ``POST /b/<token>``: bounce reports of a mail server."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.request_data import UnreadableBody, build_webhook_request, read_body
from nps_connect.web.site import Site

MAX_BODY_BYTES = 1024 * 1024
STORE_TIMEOUT_SECONDS = 9.0
"""Longest wait for the ledger. Vendors disconnect after 10 to 12 s, and some count that worse than a 503."""

RETRY_AFTER_SECONDS = "10"
"""Some vendors resend a refused webhook only if the response asks for it within a minute."""


def webhook_routes(site: Site) -> APIRouter:
    """Routes for webhooks and bounce reports. Both are stored durably before the response."""
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
