"""``POST /hooks/<connection>``: webhook intake. Stored durably before it is answered."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.reading import UnreadableBody, read_body, webhook_of
from nps_connect.web.site import Site

LARGEST_WEBHOOK = 1024 * 1024
UNREAD = {400: "unreadable", 408: "too_slow", 413: "too_large"}


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
        try:
            await run_in_threadpool(site.doors.accept_webhook, connection, webhook)
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted"})

    return router
