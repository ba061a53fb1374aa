"""``POST /hooks/<connection>``: webhook intake. Stored durably before it is answered."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.request_data import UnreadableBody, build_webhook_request, read_body
from nps_connect.web.site import Site

MAX_WEBHOOK_BYTES = 1024 * 1024
BODY_ERROR_CODES = {400: "unreadable", 408: "too_slow", 413: "too_large"}
STORE_TIMEOUT_SECONDS = 9.0
"""Seconds to wait for the ledger. Vendors hang up after 10 to 12, and some count that worse than a 503."""

RETRY_AFTER_SECONDS = "10"
"""Seconds. Some vendors repeat a refused webhook only if it is asked for within a minute."""


def webhook_routes(site: Site) -> APIRouter:
    """The route of webhook intake."""
    router = APIRouter()

    @router.post("/hooks/{connection}")
    async def accept(connection: str, request: Request) -> Response:
        received_at = site.clock()
        try:
            body = await read_body(request, MAX_WEBHOOK_BYTES)
        except UnreadableBody as error:
            return JSONResponse({"error": BODY_ERROR_CODES[error.status]}, error.status)
        webhook = build_webhook_request(request, body, site.backend.public_url, received_at)
        storing = asyncio.ensure_future(site.webhook_batcher.ask((connection, webhook)))
        try:
            async with asyncio.timeout(STORE_TIMEOUT_SECONDS):
                await asyncio.shield(storing)
        except TimeoutError:  # it may be stored yet: then the repetition meets the same facts
            storing.add_done_callback(lambda late: late.exception())
            return unavailable_response()
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted"})

    return router


def unavailable_response() -> Response:
    """The answer when the ledger is away, locked or full: 503, so that the vendor sends the webhook again soon."""
    return JSONResponse({"error": "trouble"}, 503, {"Retry-After": RETRY_AFTER_SECONDS})
