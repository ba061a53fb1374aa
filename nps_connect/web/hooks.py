"""``POST /hooks/<connection>``: webhook intake. Stored durably before it is answered."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.reading import UnreadableBody, read_body, webhook_of
from nps_connect.web.site import Site

LARGEST_WEBHOOK = 1024 * 1024
UNREAD = {400: "unreadable", 408: "too_slow", 413: "too_large"}
PATIENCE = 9.0
"""Seconds to wait for the ledger. Vendors hang up after 10 to 12, and some count that worse than a 503."""

COME_AGAIN = "10"
"""Seconds. Some vendors repeat a refused webhook only if it is asked for within a minute."""


def hook_routes(site: Site) -> APIRouter:
    """The route of webhook intake."""
    router = APIRouter()

    @router.post("/hooks/{connection}")
    async def accept(connection: str, request: Request) -> Response:
        received_at = site.clock()
        try:
            body = await read_body(request, LARGEST_WEBHOOK)
        except UnreadableBody as error:
            return JSONResponse({"error": UNREAD[error.status]}, error.status)
        webhook = webhook_of(request, body, site.doors.public_url, received_at)
        storing = asyncio.ensure_future(site.storing.ask((connection, webhook)))
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(storing)
        except TimeoutError:  # it may be stored yet: then the repetition meets the same facts
            storing.add_done_callback(lambda late: late.exception())
            return try_again()
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted"})

    return router


def try_again() -> Response:
    """The answer when the ledger is away, locked or full: 503, so that the vendor sends the webhook again soon."""
    return JSONResponse({"error": "trouble"}, 503, {"Retry-After": COME_AGAIN})
