"""``POST /b/<token>``: a mail server's reports of mail that came back, or that somebody complained about."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nps_connect.errors import WebhookRejected
from nps_connect.web.request_data import UnreadableBody, read_body
from nps_connect.web.site import Site

MAX_REPORT_BYTES = 1024 * 1024
BODY_ERROR_CODES = {400: "unreadable", 408: "too_slow", 413: "too_large"}


def bounce_routes(site: Site) -> APIRouter:
    """The route of bounces. The token says who may post; a body is one message, as the mail server got it."""
    router = APIRouter()

    @router.post("/b/{token}")
    async def take(token: str, request: Request) -> Response:
        try:
            body = await read_body(request, MAX_REPORT_BYTES)
            known = await run_in_threadpool(site.backend.report_bounces, token, body)
        except UnreadableBody as error:
            return JSONResponse({"error": BODY_ERROR_CODES[error.status]}, error.status)
        except WebhookRejected as rejected:
            return JSONResponse({"error": rejected.reason}, rejected.status)
        return JSONResponse({"status": "accepted", "new": known})

    return router
