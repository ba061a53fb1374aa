"""The users of the console: invite, change, lock, reset, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import Response

from nps_connect.ledger.users import UserRow
from nps_connect.records.users import USER_ROLES, UserRole
from nps_connect.services.users.changes import (
    LastAdmin,
    change_role,
    find_user,
    lock_user,
    remove_user,
    reset_user,
    unlock_user,
)
from nps_connect.services.users.link_mails import enqueue_link, mail_channel
from nps_connect.services.users.one_time_links import create_link, link_address
from nps_connect.services.users.store import UserRefused, add_user, is_email, list_users, team_names
from nps_connect.web.console.access import AdminPage
from nps_connect.web.console.console_page import ConsolePage

router = APIRouter()


@router.get("/console/users")
def show_users(page: AdminPage) -> Response:
    """List the users."""
    with page.ctx.ledger.read() as session:
        users = list_users(session)
    return page.render("users.html.j2", area="users", users=users)


@router.get("/console/users/invite")
def show_invitation(page: AdminPage) -> Response:
    """Show the form."""
    return _render_invitation(page)


@router.post("/console/users/invite")
def invite(page: AdminPage) -> Response:
    """Add a user, and send the link to choose a password."""
    _, form = page.gettext, page.form
    email, name = form.get("email", ""), form.get("name", "").strip()
    role, team = _role_and_team(page)
    errors = {
        "name": "" if name else _("Enter a name."),
        "email": "" if is_email(email) else _("Enter an e-mail address, such as name@example.com."),
        "team": "" if role != "team_viewer" or team in team_names(page.ctx.settings) else _("Choose a team."),
    }
    if any(errors.values()):
        return _render_invitation(page, errors)
    try:
        with page.ctx.ledger.write() as session:
            user = add_user(
                session, public_id=page.ctx.new_public_id(), email=email, name=name, role=role, team=team,
                actor=page.actor, now=page.now,
            )  # fmt: skip
            link, queue_names = _send_link(page, session, user)
    except UserRefused:
        return _render_invitation(page, {"email": _("This address has access already.")})
    return _after_link(page, user, link, queue_names)


@router.get("/console/users/{user_id}")
def show_user(user_id: str, page: AdminPage) -> Response:
    """Show one user and what can be changed."""
    with page.ctx.ledger.read() as session:
        user = find_user(session, user_id)
    return page.refuse() if user is None else _render_user(page, user)


@router.post("/console/users/{user_id}/role")
def submit_role(user_id: str, page: AdminPage) -> Response:
    """Give a user another role; this ends the user's sessions."""
    _ = page.gettext
    role, team = _role_and_team(page)
    if role == "team_viewer" and team not in team_names(page.ctx.settings):
        return _refuse(page, user_id, _("Choose a team."))
    return _change(page, user_id, _("The role is changed."), change_role, role=role, team=team)


@router.post("/console/users/{user_id}/lock")
def lock(user_id: str, page: AdminPage) -> Response:
    """Let a user not sign in any more."""
    _ = page.gettext
    return _change(page, user_id, _("The user is locked and signed out everywhere."), lock_user)


@router.post("/console/users/{user_id}/unlock")
def unlock(user_id: str, page: AdminPage) -> Response:
    """Let a user sign in again."""
    _ = page.gettext
    return _change(page, user_id, _("The user can sign in again."), unlock_user)


@router.post("/console/users/{user_id}/remove")
def remove(user_id: str, page: AdminPage) -> Response:
    """Delete a user."""
    _ = page.gettext
    return _change(page, user_id, _("The user is removed."), remove_user, target="/console/users")


@router.post("/console/users/{user_id}/reset")
def reset(user_id: str, page: AdminPage) -> Response:
    """Make the password void, and send a link to choose another one."""
    with page.ctx.ledger.write() as session:
        user = find_user(session, user_id, for_update=True)
        if user is None or user.locked_at is not None:
            return page.refuse()
        reset_user(session, user, actor=page.actor, now=page.now)
        link, queue_names = _send_link(page, session, user)
    return _after_link(page, user, link, queue_names)


def _change(
    page: ConsolePage,
    user_id: str,
    message: str,
    change: Callable[..., None],
    target: str = "",
    **values: Any,  # noqa: ANN401
) -> Response:
    """Carry out a change in its transaction, and lead back to the user, or say why it is refused."""
    _ = page.gettext
    try:
        with page.ctx.ledger.write() as session:
            user = find_user(session, user_id, for_update=True)
            if user is None:
                return page.refuse()
            change(session, user, **values, actor=page.actor, now=page.now)
    except LastAdmin:
        return _refuse(page, user_id, _("This is the last administrator. Make somebody else an administrator first."))
    return page.redirect(target or f"/console/users/{user_id}", message)


def _send_link(page: ConsolePage, session: Session, user: UserRow) -> tuple[str | None, set[str]]:
    """Store an invitation and enqueue its mail; return its address instead if no connection can send it."""
    channel = mail_channel(page.ctx)
    if channel is not None:
        return None, enqueue_link(page.ctx, session, user, "invitation", channel)
    token = create_link(session, user, "invitation", page.now)
    return link_address(page.ctx.settings.core.url, token), set()


def _after_link(page: ConsolePage, user: UserRow, link: str | None, queue_names: set[str]) -> Response:
    _ = page.gettext
    if link is not None:
        return page.render("user-link.html.j2", area="users", user=user, link=link)
    for queue_name in queue_names:
        page.ctx.wake(queue_name)
    message = _("A link to choose a password is on its way to %(email)s. It works once, within 24 hours.")
    return page.redirect("/console/users", message % {"email": user.email})


def _role_and_team(page: ConsolePage) -> tuple[UserRole, str | None]:
    role = page.form.get("role", "")
    chosen: UserRole = role if role in USER_ROLES else "viewer"
    return chosen, (page.form.get("team") or None) if chosen == "team_viewer" else None


def _refuse(page: ConsolePage, user_id: str, problem: str) -> Response:
    with page.ctx.ledger.read() as session:
        user = find_user(session, user_id)
    return page.refuse() if user is None else _render_user(page, user, problem)


def _render_user(page: ConsolePage, user: UserRow, problem: str = "") -> Response:
    status, teams = (422 if problem else 200), team_names(page.ctx.settings)
    return page.render("user.html.j2", status, area="users", user=user, problem=problem, roles=USER_ROLES, teams=teams)


def _render_invitation(page: ConsolePage, errors: dict[str, str] | None = None) -> Response:
    status, teams = (422 if errors else 200), team_names(page.ctx.settings)
    values = {"errors": errors or {}, "form": page.form, "roles": USER_ROLES, "teams": teams}
    return page.render("invite.html.j2", status, area="users", **values)
