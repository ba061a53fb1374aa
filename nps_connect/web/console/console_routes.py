"""The routes of the console: one router of each area."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nps_connect.services.context import Context
from nps_connect.web.console import (
    account,
    audit,
    cases,
    comments,
    explore,
    export,
    overview,
    password,
    plans,
    problems,
    responses,
    sign_in,
    staff,
    staff_views,
    teams,
)
from nps_connect.web.console.access import AnyUserPage, ConsoleRedirect, console_context, has_users
from nps_connect.web.console.console_assets import asset_response
from nps_connect.web.console.navigation import visible_areas

ROUTERS = (
    overview.router,
    explore.router,
    responses.router,
    export.router,
    cases.router,
    comments.router,
    sign_in.router,
    password.router,
    account.router,
    staff.router,
    plans.router,
    staff_views.router,
    audit.router,
    problems.router,
    teams.router,
)
"""Each area has its own; order matters only where paths overlap."""

shell = APIRouter()


def add_console(app: FastAPI, context: Context | None) -> None:
    """Add the console to the web application.

    Args:
        app: the application.
        context: the parts of the product; None where there is no console.
    """
    app.state.console_context = context
    if context is None:
        return
    app.add_exception_handler(ConsoleRedirect, _console_response)
    for router in (*ROUTERS, shell):
        app.include_router(router)


async def _console_response(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ConsoleRedirect):
        raise error
    return error.response


@shell.get("/console")
def home(page: AnyUserPage) -> Response:
    """Redirect to the first area that the user sees."""
    return page.redirect(visible_areas(page.viewer)[0].path)


@shell.get("/console/assets/{version}/{name}")
async def asset(version: str, name: str, request: Request) -> Response:
    """Return the style sheet or the script."""
    ctx = console_context(request)
    response = asset_response(name, version, ctx.settings.core.colour)
    if response is None or not await run_in_threadpool(_is_enabled, ctx):
        raise HTTPException(404)
    return response


def _is_enabled(ctx: Context) -> bool:
    with ctx.ledger.read() as session:
        return has_users(session)


@shell.get("/console/{_path:path}")
def unknown(page: AnyUserPage) -> Response:
    """Say that there is no such page."""
    return page.refuse()
