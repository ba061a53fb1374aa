"""`create_app`: the ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from nps_connect.connection import Clock, system_clock
from nps_connect.web.access_log import AccessLog
from nps_connect.web.api.api import ApiRoutes
from nps_connect.web.api.api import error_response as api_error_response
from nps_connect.web.backend import WebBackend
from nps_connect.web.console.console_routes import add_console
from nps_connect.web.console.visitor_page import trouble_page
from nps_connect.web.foreign_requests import is_foreign
from nps_connect.web.machine_routes import receive_bounce_report, receive_webhook, unavailable_response
from nps_connect.web.routes import digest_routes, health_routes, mail_link_routes
from nps_connect.web.site import Site
from nps_connect.web.survey import SurveyPages
from nps_connect.web.web_request import WebRequest

API_PREFIX = "/api/"
MACHINE_PATHS = ("/hooks/", "/b/", "/healthz", "/readyz", "/metrics", API_PREFIX)
"""Paths whose errors are JSON; every other path shows people a page."""

FOREIGN_REQUEST_INTERVAL = timedelta(minutes=1)


class DirectRoute(NamedTuple):
    """A route that bypasses FastAPI, whose routing and middleware cost as much as the route itself.

    Attributes:
        prefix: of its paths; one segment follows, or any number.
        path: the route template, for the access log.
        respond: handles a request, given the token or name that follows the prefix.
        has_segments: any number of segments follows; the route names the template itself.
    """

    prefix: str
    path: str
    respond: Callable[[WebRequest, str], Awaitable[Response]]
    has_segments: bool = False


class WebApplication:
    """The ASGI application of a server: its site can be replaced while it serves."""

    def __init__(self, site: Site) -> None:
        self._application = _SiteApplication(site)
        self._former: list[_SiteApplication] = []

    @property
    def site(self) -> Site:
        """The site that serves new requests."""
        return self._application.site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or the lifespan, whose end stores the last page views."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            for former in (*self._former, self._application):
                await former.site.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        application = self._application
        application.open_requests += 1
        try:
            await application(scope, receive, send)
        finally:
            application.open_requests -= 1
            if self._former:
                await self._close_former()

    def replace_site(self, site: Site) -> None:
        """Serve new requests with another site; open ones finish in the former one. May be called from any thread."""
        former, self._application = self._application, _SiteApplication(site)
        self._former.append(former)

    async def _close_former(self) -> None:
        """Close former sites without open requests."""
        for former in [former for former in self._former if not former.open_requests]:
            self._former.remove(former)
            await former.site.close()


class _SiteApplication:
    """The routes of one site. Survey pages and machine routes bypass FastAPI; all share the log.

    Attributes:
        site: what the routes share.
        open_requests: number of requests that are being answered.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.open_requests = 0
        self._foreign_request_at: datetime | None = None
        self._direct_routes = (
            DirectRoute("/s/", "/s/{token}", SurveyPages(site).respond),
            DirectRoute("/hooks/", "/hooks/{connection}", partial(receive_webhook, site)),
            DirectRoute("/b/", "/b/{token}", partial(receive_bounce_report, site)),
            DirectRoute(API_PREFIX, "-", ApiRoutes(site).respond, has_segments=True),
        )
        self._direct_app = AccessLog(self._serve_direct, error_response=self._error_response)
        self._framework = _build_fastapi(site)
        self._framework.add_middleware(AccessLog, error_response=self._error_response)
        outermost: ASGIApp = self._dispatch
        if site.backend.trusted_proxies:
            outermost = ProxyHeadersMiddleware(outermost, trusted_hosts=list(site.backend.trusted_proxies))  # type: ignore[arg-type,assignment]
        self._outermost = outermost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        await self._outermost(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self._record_foreign_request(scope)
        for route in self._direct_routes:
            segment = path[len(route.prefix) :]
            if segment and path.startswith(route.prefix) and (route.has_segments or "/" not in segment):
                scope["route"], scope["segment"] = route, segment
                await self._direct_app(scope, receive, send)
                return
        await self._framework(scope, receive, send)

    def _record_foreign_request(self, scope: Scope) -> None:
        """Report a request of another host, one per minute: looking at each one would cost more than it says."""
        now = self.site.clock()
        if self._foreign_request_at is not None and now - self._foreign_request_at < FOREIGN_REQUEST_INTERVAL:
            return
        if is_foreign(scope):
            self._foreign_request_at = now
            self.site.backend.record_foreign_request(now)

    async def _serve_direct(self, scope: Scope, receive: Receive, send: Send) -> None:
        route: DirectRoute = scope["route"]
        response = await route.respond(WebRequest(scope, receive), scope["segment"])
        await response(scope, receive, send)

    def _error_response(self, request: WebRequest) -> Response:
        if request.scope["path"].startswith(API_PREFIX):
            return api_error_response(request)
        if request.scope["path"].startswith(MACHINE_PATHS):
            return unavailable_response()
        if request.scope["path"].startswith("/console") and self.site.backend.console is not None:
            return trouble_page(Request(request.scope), self.site.backend.console)
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
    """Build the application for every path without a direct route."""

    async def http_error_response(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        reason = "method" if status == 405 else "unknown"
        if request.scope["path"].startswith(MACHINE_PATHS):
            return JSONResponse({"error": reason}, status, headers)
        response = site.notice(reason, site.visitor_language(WebRequest(request.scope, request.receive)), status)
        response.headers.update(headers or {})
        return response

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, http_error_response)
    for routes in (mail_link_routes, digest_routes, health_routes):
        app.include_router(routes(site))
    app.state.site = site
    add_console(app, site.backend.console)
    return app
