"""What a user changes for themselves: the language of the pages, and the mail pause of all customers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.ledger.pauses import MAIL_SCOPE
from nps_connect.services.operations.operator_pauses import set_paused
from nps_connect.services.users.passwords import MIN_PASSWORD_LENGTH
from nps_connect.services.users.store import set_language
from nps_connect.web.console.access import AdminPage, AnyUserPage
from nps_connect.web.console.console_page import CONSOLE_LANGUAGES
from nps_connect.web.console.visitor_page import safe_path

MAX_REASON_LENGTH = 200

router = APIRouter()


@router.get("/console/account")
def show_account(page: AnyUserPage) -> Response:
    """Show who is signed in."""
    return page.render("account.html.j2", area="account", problem="", min_length=MIN_PASSWORD_LENGTH)


@router.post("/console/language")
def choose_language(page: AnyUserPage) -> Response:
    """Store the language of the user's pages."""
    language = page.form.get("language", "")
    if language in CONSOLE_LANGUAGES:
        with page.ctx.ledger.write() as session:
            set_language(session, page.viewer.user_id, language)
    return page.redirect(safe_path(page.form.get("next", "")))


@router.post("/console/pause-mail")
def pause_mail(page: AdminPage) -> Response:
    """Pause all mail to customers."""
    _ = page.gettext
    reason = " ".join(page.form.get("reason", "").split())[:MAX_REASON_LENGTH] or _("no reason given")
    set_paused(page.ctx.ledger, page.ctx.state_dir, MAIL_SCOPE, reason, page.actor, page.now)
    return page.redirect(safe_path(page.form.get("next", "")))


@router.post("/console/resume-mail")
def resume_mail(page: AdminPage) -> Response:
    """Let mail go to customers again."""
    _ = page.gettext
    if page.ctx.state_dir is not None:
        page.ctx.state_dir.delete_pause_marker()
    set_paused(page.ctx.ledger, page.ctx.state_dir, MAIL_SCOPE, None, page.actor, page.now)
    return page.redirect(safe_path(page.form.get("next", "")), _("Mail to customers goes out again."))
