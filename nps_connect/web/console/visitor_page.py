"""`VisitorPage`: one request of somebody who is not signed in."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nps_connect.services.context import Context
from nps_connect.services.users.sessions import SESSION_LIFETIME
from nps_connect.web.console.access import (
    choose_console_language,
    console_context,
    csrf_token_of,
    has_users,
    read_form,
    session_cookie_name,
)
from nps_connect.web.console.console_page import CONSOLE_LANGUAGES, ConsoleForm, parse_fields
from nps_connect.web.console.console_templates import CONSOLE_HEADERS, build_console_environment
from nps_connect.web.request_data import truncate_to_network

FORM_COOKIE = "console_form"


@dataclass(frozen=True)
class VisitorPage:
    """One request of somebody who is not signed in. Its forms carry a token that belongs to a cookie.

    Attributes:
        request: as received.
        ctx: the application.
        language: of the page.
        form_secret: in the cookie.
        query: the parameters of the address.
        form: the fields of a POST.
        is_genuine: the POST carries the token of the cookie.
    """

    request: Request
    ctx: Context
    language: str
    form_secret: str
    query: ConsoleForm
    form: ConsoleForm
    is_genuine: bool

    @property
    def network(self) -> str | None:
        """The network of the client, for limits."""
        return client_network(self.request)

    @property
    def next_path(self) -> str:
        """The page of the console that the visitor wanted; the first page if it names none."""
        return safe_path(self.form.get("next") or self.query.get("next", ""))

    def render(self, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401
        """Render a page, and set the cookie of its form."""
        core = self.ctx.settings.core
        html = (
            build_console_environment(self.language)
            .get_template(f"console/{template}")
            .render(
                page=self,
                company=core.company,
                colour=core.colour,
                csrf_token=csrf_token_of(self.form_secret),
                languages=CONSOLE_LANGUAGES,
                **values,
            )
        )
        response = Response(html, status, {**CONSOLE_HEADERS, "Content-Language": self.language}, "text/html")
        response.set_cookie(FORM_COOKIE, self.form_secret, path="/console", httponly=True, samesite="strict",
                            secure=is_secure(self.ctx))  # fmt: skip
        return response


def trouble_page(request: Request, ctx: Context) -> Response:
    """Return the page that follows an unexpected error; it needs no database and says nothing about the error."""
    language = choose_console_language(request, ctx, None)
    nothing = ConsoleForm({})
    page = VisitorPage(
        request, ctx, language, _form_secret(request) or secrets.token_urlsafe(32), nothing, nothing, is_genuine=False
    )
    return page.render("trouble.html.j2", 503)


def open_session(ctx: Context, session_id: str, path: str) -> Response:
    """Redirect to a page with the cookie of a new session."""
    response = RedirectResponse(path, 303, CONSOLE_HEADERS)
    response.set_cookie(
        session_cookie_name(ctx),
        session_id,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/console",
        httponly=True,
        samesite="lax",  # a link in a mail leads to a page; every form carries a token
        secure=is_secure(ctx),
    )
    response.delete_cookie(FORM_COOKIE, path="/console", httponly=True, samesite="strict", secure=is_secure(ctx))
    return response


def client_network(request: Request) -> str | None:
    """Return the network of the client, for limits."""
    return truncate_to_network(request.client.host if request.client else None)


def is_secure(ctx: Context) -> bool:
    """Return whether the console is reached by HTTPS."""
    return ctx.settings.core.url.startswith("https:")


def safe_path(path: str) -> str:
    """Return a path of the console, or the first page for anything else: nobody is sent to another site."""
    is_ours = path == "/console" or path.startswith(("/console/", "/console?"))
    return path if is_ours and len(path) < 2000 and path.isprintable() and "\\" not in path else "/console"


def _is_enabled(ctx: Context) -> bool:
    with ctx.ledger.read() as session:
        return has_users(session)


def _form_secret(request: Request) -> str:
    """Return the secret of the cookie of forms; empty without a valid one."""
    form_secret = request.cookies.get(FORM_COOKIE, "")
    return form_secret if len(form_secret) == 43 and form_secret.isascii() else ""


async def visitor_page(request: Request) -> VisitorPage:
    """Return the request of a visitor.

    Raises:
        HTTPException: 404: there is no console; 403: the form comes from another site.
    """
    ctx = console_context(request)
    form = await read_form(request)
    if not await run_in_threadpool(_is_enabled, ctx):
        raise HTTPException(404)
    form_secret = _form_secret(request)
    token = csrf_token_of(form_secret)
    is_genuine = form_secret != "" and hmac.compare_digest(form.get("csrf", "").encode(), token.encode())
    return VisitorPage(
        request=request,
        ctx=ctx,
        language=choose_console_language(request, ctx, None),
        form_secret=form_secret or secrets.token_urlsafe(32),
        query=parse_fields(request.scope["query_string"]),
        form=form,
        is_genuine=is_genuine,
    )


Visitor = Annotated[VisitorPage, Depends(visitor_page)]
"""A page for somebody who is not signed in."""
