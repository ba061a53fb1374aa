"""`create_app`: the ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from nps_connect.connection import Clock, system_clock
from nps_connect.web.access_log import AccessLog
from nps_connect.web.backend import WebBackend
from nps_connect.web.routes import health_routes, mail_link_routes, unavailable_response, webhook_routes
from nps_connect.web.site import Site
from nps_connect.web.survey import SurveyPages

MACHINE_PATHS = ("/hooks/", "/b/", "/healthz", "/readyz", "/metrics")
"""Paths whose errors are JSON; every other path shows people a page."""


class WebApplication:
    """An ASGI application. Survey pages bypass FastAPI, whose routing costs as much as a page; both share the log.

    Attributes:
        site: what the pages share.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self._survey_pages = SurveyPages(site)
        self._survey_app = AccessLog(self._serve_survey_page, error_response=self._error_response)
        self._framework = _build_fastapi(site)
        self._framework.add_middleware(AccessLog, error_response=self._error_response)
        outermost: ASGIApp = self._dispatch
        if site.backend.trusted_proxies:
            outermost = ProxyHeadersMiddleware(outermost, trusted_hosts=list(site.backend.trusted_proxies))  # type: ignore[arg-type,assignment]
        self._outermost = outermost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or the lifespan."""
        await self._outermost(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_survey = scope["type"] == "http" and self._survey_pages.token_in(scope["path"]) is not None
        await (self._survey_app if is_survey else self._framework)(scope, receive, send)

    async def _serve_survey_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self._survey_pages
        token = self._survey_pages.token_in(scope["path"]) or ""
        response = await self._survey_pages.respond(Request(scope, receive), token)
        await response(scope, receive, send)

    async def _error_response(self, request: Request) -> Response:
        if request.url.path.startswith(MACHINE_PATHS):
            return unavailable_response()
        return self.site.notice("trouble", self.site.visitor_language(request), 503)


def create_app(backend: WebBackend, *, clock: Clock = system_clock) -> WebApplication:
    """Build the ASGI application.

    Turn the server's own access log off: `nps_connect.web.access_log` logs without tokens. Run the lifespan: its end
    stores the last page views (``app.site.close()`` does the same).

    Args:
        backend: the application services.
        clock: returns the current time (aware UTC).
    """
    return WebApplication(Site(backend, clock))


def _build_fastapi(site: Site) -> FastAPI:
    """Build the application for every path except the survey pages."""

    async def http_error_response(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        reason = "method" if status == 405 else "unknown"
        if request.url.path.startswith(MACHINE_PATHS):
            return JSONResponse({"error": reason}, status, headers)
        response = site.notice(reason, site.visitor_language(request), status)
        response.headers.update(headers or {})
        return response

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await site.close()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    app.add_exception_handler(HTTPException, http_error_response)
    for routes in (webhook_routes, mail_link_routes, health_routes):
        app.include_router(routes(site))
    return app
