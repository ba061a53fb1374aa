"""Routes that machines call: webhooks of vendors and bounce reports of mail servers, without FastAPI's layers."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.request_data import build_webhook_request
from nps_connect.web.site import Site
from nps_connect.web.web_request import UnreadableBody, WebRequest

MAX_BODY_BYTES = 1024 * 1024
STORE_TIMEOUT_SECONDS = 9.0
"""Longest wait for the ledger. Vendors disconnect after 10 to 12 s, and some count that worse than a 503."""

RETRY_AFTER_SECONDS = "10"
"""Some vendors resend a refused webhook only if the response asks for it within a minute."""

_ACCEPTED = JSONResponse({"status": "accepted"})


async def receive_webhook(site: Site, request: WebRequest, connection: str) -> Response:
    """Store a webhook durably before the response. That of an unknown connection is refused before its body is read."""
    received_at = site.clock()
    if request.method != "POST":
        return _method_error()
    try:
        body = await request.read_body(MAX_BODY_BYTES) if site.backend.takes_webhooks(connection) else b""
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
    return _ACCEPTED


async def receive_bounce_report(site: Site, request: WebRequest, token: str) -> Response:
    """Process a bounce report: one message as the mail server received it, which its token authenticates.

    That of an unknown mail server is refused before its body is read.
    """
    backend = site.backend
    if request.method != "POST":
        return _method_error()
    try:
        body = await request.read_body(MAX_BODY_BYTES) if backend.is_bounce_token(token) else b""
        new_bounces = await run_in_threadpool(backend.report_bounces, token, body)
    except UnreadableBody as error:
        return JSONResponse({"error": error.code}, error.status)
    except WebhookRejected as rejected:
        return JSONResponse({"error": rejected.reason}, rejected.status)
    return JSONResponse({"status": "accepted", "new": new_bounces})


def unavailable_response() -> Response:
    """Return a 503 that asks for a resend soon: the ledger is unreachable, locked or full."""
    return JSONResponse({"error": "trouble"}, 503, {"Retry-After": RETRY_AFTER_SECONDS})


def _method_error() -> Response:
    return JSONResponse({"error": "method"}, 405, {"Allow": "POST"})
