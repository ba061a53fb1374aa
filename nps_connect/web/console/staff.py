"""The users of the console."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.services.users.store import list_users
from nps_connect.web.console.access import AdminPage

router = APIRouter()


@router.get("/console/users")
def show_users(page: AdminPage) -> Response:
    """List the users."""
    with page.ctx.ledger.read() as session:
        users = list_users(session)
    return page.render("users.html.j2", area="users", users=users)
