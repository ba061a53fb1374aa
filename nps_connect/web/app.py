"""`create_app`: the web application around the doors of the house."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from nps_connect.connection import Clock, system_clock
from nps_connect.web.access import AccessLog
from nps_connect.web.bounces import bounce_routes
from nps_connect.web.doors import Doors
from nps_connect.web.health import health_routes
from nps_connect.web.hooks import hook_routes, try_again
from nps_connect.web.metrics import metrics_routes
from nps_connect.web.review import review_routes
from nps_connect.web.site import Site
from nps_connect.web.survey import survey_routes
from nps_connect.web.unsubscribe import unsubscribe_routes

FOR_MACHINES = ("/hooks/", "/b/", "/healthz", "/readyz", "/metrics")


def create_app(doors: Doors, *, clock: Clock = system_clock) -> FastAPI:
    """The web application.

    Serve it with the server's own access log off: `nps_connect.web.access` logs without tokens. Run its lifespan: at
    the end it writes down the last visits (``app.state.site.close()`` does the same by hand).

    Args:
        doors: what the pages need from the house.
        clock: the present moment (aware UTC).
    """
    site = Site(doors, clock)

    async def dead_end(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        if request.url.path.startswith(FOR_MACHINES):
            return JSONResponse({"error": "method" if status == 405 else "unknown"}, status, headers)
        response = site.notice("method" if status == 405 else "unknown", site.visitor_language(request), status)
        response.headers.update(headers or {})
        return response

    async def apologise(request: Request) -> Response:
        if request.url.path.startswith(FOR_MACHINES):
            return try_again()
        response = site.notice("trouble", site.visitor_language(request), 503)
        response.headers["Retry-After"] = "60"
        return response

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await site.close()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=life)
    app.state.site = site
    app.add_middleware(AccessLog, apologise=apologise)
    if doors.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(doors.trusted_proxies))
    app.add_exception_handler(HTTPException, dead_end)
    app.router.routes.extend(survey_routes(site))
    for routes in (
        hook_routes,
        bounce_routes,
        unsubscribe_routes,
        review_routes,
        health_routes,
        metrics_routes,
    ):
        app.include_router(routes(site))
    return app
