"""Choose a password: by a one-time link, after it was forgotten, or instead of the present one."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.services.users.change_password import change_password
from nps_connect.services.users.link_mails import request_password_link
from nps_connect.services.users.one_time_links import LinkGone, choose_password, find_linked_user
from nps_connect.services.users.passwords import MIN_PASSWORD_LENGTH, PasswordRefused, TooBusy
from nps_connect.services.users.sign_in import SignInRefused
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.visitor_page import Visitor, VisitorPage, client_network, open_session

router = APIRouter()


@router.get("/console/forgotten-password")
def show_forgotten(page: Visitor) -> Response:
    """Ask for the address."""
    return page.render("forgotten-password.html.j2", state="form")


@router.post("/console/forgotten-password")
def submit_forgotten(page: Visitor) -> Response:
    """Send a link, if there is a user with this address; the answer does not say."""
    if not page.is_genuine:
        return page.render("forgotten-password.html.j2", 403, state="form")
    is_allowed = request_password_link(page.ctx, page.form.get("email", ""), page.network)
    return page.render(
        "forgotten-password.html.j2", 200 if is_allowed else 429, state="sent" if is_allowed else "limit"
    )


@router.get("/console/password/{token}")
def show_choice(token: str, page: Visitor) -> Response:
    """Ask for a new password. Nothing is used up: scanners of mail open every link."""
    return _render_choice(page, token)


@router.post("/console/password/{token}")
def submit_choice(token: str, page: Visitor) -> Response:
    """Store the password and sign in."""
    if not page.is_genuine:
        return _render_choice(page, token, 403, problem="form")
    password = page.form.get("password", "")
    if password != page.form.get("repeated", ""):
        return _render_choice(page, token, 422, problem="different")
    try:
        session_id = choose_password(page.ctx, token, password)
    except PasswordRefused as refusal:
        return _render_choice(page, token, 422, problem=refusal.reason)
    except TooBusy:
        return _render_choice(page, token, 503, problem="busy")
    except LinkGone:
        return _render_choice(page, token)
    return open_session(page.ctx, session_id, "/console")


@router.post("/console/account/password")
def submit_change(page: AnyUserPage) -> Response:
    """Store another password; other sessions of the user end."""
    password = page.form.get("password", "")
    problem = "different" if password != page.form.get("repeated", "") else ""
    status = 422
    if not problem:
        current, network = page.form.get("current", ""), client_network(page.request)
        try:
            session_id = change_password(page.ctx, page.viewer, current, password, network)
        except PasswordRefused as refusal:
            problem = refusal.reason
        except TooBusy:
            problem, status = "busy", 503
        except SignInRefused as refusal:
            problem, status = ("limit", 429) if refusal.wait else ("wrong", 422)
        else:
            _ = page.gettext
            response = open_session(page.ctx, session_id, "/console/account")
            page.set_message(response, _("Your password is changed. Everywhere else you are signed out."))
            return response
    return page.render("account.html.j2", status, area="account", problem=problem, min_length=MIN_PASSWORD_LENGTH)


def _render_choice(page: VisitorPage, token: str, status: int = 200, *, problem: str = "") -> Response:
    try:
        with page.ctx.ledger.read() as session:
            linked = find_linked_user(session, token, page.ctx.clock())
    except LinkGone:
        return page.render("link-gone.html.j2", 410)
    if linked.user.language is not None and "lang" not in page.query:
        page = replace(page, language=linked.user.language)
    return page.render(
        "choose-password.html.j2",
        status,
        user=linked.user,
        purpose=linked.purpose,
        token=token,
        problem=problem,
        min_length=MIN_PASSWORD_LENGTH,
    )
