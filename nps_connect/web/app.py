"""`create_app`: the web application around the doors of the application."""

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
from nps_connect.web.bounces import bounce_routes
from nps_connect.web.health import health_routes
from nps_connect.web.metrics import metrics_routes
from nps_connect.web.review import review_routes
from nps_connect.web.site import Site
from nps_connect.web.survey import SurveyPages
from nps_connect.web.unsubscribe import unsubscribe_routes
from nps_connect.web.webhooks import unavailable_response, webhook_routes

MACHINE_PATHS = ("/hooks/", "/b/", "/healthz", "/readyz", "/metrics")


class WebApplication:
    """An ASGI application: the survey pages by themselves, everything else by the framework, both logged alike.

    Attributes:
        site: what the pages are given.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self._pages = SurveyPages(site)
        self._surveys = AccessLog(self._show, error_response=self._error_response)
        self._framework = _build_fastapi(site)
        self._framework.add_middleware(AccessLog, error_response=self._error_response)
        outermost: ASGIApp = self._dispatch
        if site.backend.trusted_proxies:
            outermost = ProxyHeadersMiddleware(outermost, trusted_hosts=list(site.backend.trusted_proxies))  # type: ignore[arg-type,assignment]
        self._outermost = outermost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the application's life."""
        await self._outermost(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_survey = scope["type"] == "http" and self._pages.token_in(scope["path"]) is not None
        await (self._surveys if is_survey else self._framework)(scope, receive, send)

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self._pages
        response = await self._pages.respond(Request(scope, receive), self._pages.token_in(scope["path"]) or "")
        await response(scope, receive, send)

    async def _error_response(self, request: Request) -> Response:
        if request.url.path.startswith(MACHINE_PATHS):
            return unavailable_response()
        return self.site.notice("trouble", self.site.visitor_language(request), 503)


def create_app(doors: WebBackend, *, clock: Clock = system_clock) -> WebApplication:
    """The web application.

    Serve it with the server's own access log off: `nps_connect.web.access_log` logs without tokens. Run its lifespan: at
    the end it writes down the last visits (``app.site.close()`` does the same by hand).

    Args:
        doors: what the pages need from the application.
        clock: the present moment (aware UTC).
    """
    return WebApplication(Site(doors, clock))


def _build_fastapi(site: Site) -> FastAPI:
    """Everything but the survey pages."""

    async def dead_end(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        if request.url.path.startswith(MACHINE_PATHS):
            return JSONResponse({"error": "method" if status == 405 else "unknown"}, status, headers)
        response = site.notice("method" if status == 405 else "unknown", site.visitor_language(request), status)
        response.headers.update(headers or {})
        return response

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await site.close()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=life)
    app.add_exception_handler(HTTPException, dead_end)
    for routes in (
        webhook_routes,
        bounce_routes,
        unsubscribe_routes,
        review_routes,
        health_routes,
        metrics_routes,
    ):
        app.include_router(routes(site))
    return app
