"""Sign in and sign out."""

from __future__ import annotations

import math

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from nps_connect.services.users.passwords import TooBusy
from nps_connect.services.users.sessions import end_session
from nps_connect.services.users.sign_in import SignInRefused, sign_in
from nps_connect.web.console.access import SIGN_IN_PATH, AnyUserPage, session_cookie_name
from nps_connect.web.console.console_templates import CONSOLE_HEADERS
from nps_connect.web.console.visitor_page import Visitor, VisitorPage, open_session

router = APIRouter()


@router.get(SIGN_IN_PATH)
def show_sign_in(page: Visitor) -> Response:
    """Show the form."""
    return _render(page)


@router.post(SIGN_IN_PATH)
def submit_sign_in(page: Visitor) -> Response:
    """Check the password and open a session."""
    if not page.is_genuine:
        return _render(page, 403, problem="form")
    email, password = page.form.get("email", ""), page.form.get("password", "")
    try:
        session_id = sign_in(page.ctx, email, password, page.network)
    except SignInRefused as refusal:
        if refusal.wait is None:
            return _render(page, 401, problem="wrong", email=email)
        minutes = math.ceil(refusal.wait.total_seconds() / 60)
        response = _render(page, 429, problem="limit", email=email, minutes=minutes)
        response.headers["Retry-After"] = str(60 * minutes)
        return response
    except TooBusy:
        return _render(page, 503, problem="busy", email=email)
    return open_session(page.ctx, session_id, page.next_path)


@router.post("/console/sign-out")
def sign_out(page: AnyUserPage) -> Response:
    """End the session."""
    name = session_cookie_name(page.ctx)
    with page.ctx.ledger.write() as session:
        end_session(session, page.request.cookies[name])
    response = RedirectResponse(SIGN_IN_PATH, 303, CONSOLE_HEADERS)
    response.delete_cookie(name, path="/console", secure=name.startswith("__Secure-"), httponly=True, samesite="lax")
    return response


def _render(page: VisitorPage, status: int = 200, *, problem: str = "", email: str = "", minutes: int = 0) -> Response:
    return page.render("sign-in.html.j2", status, problem=problem, email=email[:254], minutes=minutes)
