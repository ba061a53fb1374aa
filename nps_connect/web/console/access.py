"""Who may see a page: the dependencies by which routes of the console receive a `ConsolePage`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends
from sqlalchemy import select
from sqlmodel import Session, col
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nps_connect.ledger.users import UserRow
from nps_connect.records.users import UserRole, Viewer
from nps_connect.rendering.catalogs import choose_language, parse_accept_language
from nps_connect.services.context import Context
from nps_connect.services.users.mail_pause import load_mail_pause
from nps_connect.services.users.sessions import load_session, record_session_use
from nps_connect.web.console.console_page import CONSOLE_LANGUAGES, ConsoleForm, ConsolePage, parse_fields
from nps_connect.web.console.console_templates import CONSOLE_HEADERS
from nps_connect.web.request_data import is_cross_site
from nps_connect.web.web_request import UnreadableBody, WebRequest

SESSION_COOKIE = "console_session"
SIGN_IN_PATH = "/console/sign-in"
MAX_FORM_BYTES = 256 * 1024


class ConsoleRedirect(Exception):
    """The request is answered with another page.

    Attributes:
        response: the answer.
    """

    def __init__(self, response: Response) -> None:
        super().__init__("console response")
        self.response = response


def console_context(request: Request) -> Context:
    """Return the application behind the console.

    Raises:
        HTTPException: 404: there is no user, so that there is no console.
    """
    ctx: Context | None = request.app.state.console_context
    if ctx is None:
        raise HTTPException(404)
    return ctx


def has_users(session: Session) -> bool:
    """Return whether there is a user, which switches the console on."""
    return session.execute(select(col(UserRow.id)).limit(1)).first() is not None


def csrf_token_of(secret: str) -> str:
    """Return the token that forms carry, from the secret in the cookie."""
    return hmac.new(secret.encode(), b"console form", hashlib.sha256).hexdigest()


def session_cookie_name(ctx: Context) -> str:
    """Return the name of the session cookie; with HTTPS browsers accept it from HTTPS pages only."""
    return f"__Secure-{SESSION_COOKIE}" if ctx.settings.core.url.startswith("https:") else SESSION_COOKIE


def choose_console_language(request: Request, ctx: Context, viewer: Viewer | None) -> str:
    """Return the language of a page: that of the address (``lang``), the user's, the browser's, the company's."""
    preferences = parse_accept_language(request.headers.get("accept-language", ""))
    chosen = viewer.language if viewer is not None else None
    candidates = [request.query_params.get("lang"), chosen, *preferences]
    return choose_language([*candidates, ctx.settings.core.language], tuple(CONSOLE_LANGUAGES))


async def read_form(request: Request) -> ConsoleForm:
    """Return the fields of a POST; none of another request.

    Raises:
        HTTPException: the body cannot be read, or comes from a page of another site.
    """
    if request.method != "POST":
        return ConsoleForm({})
    reader = WebRequest(request.scope, request.receive)
    if is_cross_site(reader, request.app.state.site.backend.public_url):
        raise HTTPException(403)
    try:
        return parse_fields(await reader.read_body(MAX_FORM_BYTES))
    except UnreadableBody as error:
        raise HTTPException(error.status) from None


def _load_page(request: Request, form: ConsoleForm) -> ConsolePage:
    """Return the page of a signed-in user.

    Raises:
        ConsoleRedirect: nobody is signed in: the sign-in page follows.
        HTTPException: there is no console, or a form does not carry the session's token.
    """
    ctx = console_context(request)
    now, session_id = ctx.clock(), request.cookies.get(session_cookie_name(ctx), "")
    with ctx.ledger.read() as session:
        if not has_users(session):
            raise HTTPException(404)
        open_session = load_session(session, session_id, now) if session_id else None
        mail_pause = load_mail_pause(session, ctx.state_dir)
    if open_session is None:
        raise ConsoleRedirect(_sign_in_redirect(request))
    if open_session.has_unrecorded_use:
        with ctx.ledger.write() as session:
            record_session_use(session, session_id, now)
    csrf_token = csrf_token_of(session_id)
    page = ConsolePage(
        request=request,
        ctx=ctx,
        viewer=open_session.viewer,
        language=choose_console_language(request, ctx, open_session.viewer),
        csrf_token=csrf_token,
        now=now,
        mail_pause=mail_pause,
        query=parse_fields(request.scope["query_string"]),
        form=form,
    )
    if request.method == "POST" and not hmac.compare_digest(form.get("csrf", "").encode(), csrf_token.encode()):
        raise ConsoleRedirect(page.refuse(403, "form"))
    return page


def _sign_in_redirect(request: Request) -> Response:
    """Redirect to the sign-in page, which leads back to the page that was asked for."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = SIGN_IN_PATH if request.method != "GET" or path == "/console" else f"{SIGN_IN_PATH}?next={quote(path)}"
    return RedirectResponse(target, 303, CONSOLE_HEADERS)


def require_role(role: UserRole) -> Callable[[Request], Awaitable[ConsolePage]]:
    """Return the dependency of a page that needs a role: it signs in, checks the role and every POST."""

    async def console_page(request: Request) -> ConsolePage:
        form = await read_form(request)
        page = await run_in_threadpool(_load_page, request, form)
        if not page.viewer.has_role(role):
            raise ConsoleRedirect(page.refuse(403))
        return page

    return console_page


AnyUserPage = Annotated[ConsolePage, Depends(require_role("team_viewer"))]
"""A page for every user: show only what `restrict` leaves to the viewer."""

CompanyPage = Annotated[ConsolePage, Depends(require_role("viewer"))]
"""A page for users who see the whole company."""

CaseWorkerPage = Annotated[ConsolePage, Depends(require_role("case_worker"))]
"""A page for users who work on cases."""

AdminPage = Annotated[ConsolePage, Depends(require_role("admin"))]
"""A page for administrators."""
