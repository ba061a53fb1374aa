"""The console in tests: users with a session, and an HTTP client that sends their cookie and the token of forms."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any

import httpx
from support.application import ApplicationHarness

from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.users import UserRow
from nps_connect.records.users import UserRole
from nps_connect.services.users.passwords import PASSWORD_HASHER
from nps_connect.services.users.sessions import create_session
from nps_connect.services.users.store import add_user
from nps_connect.web.app import create_app
from nps_connect.web.console.access import csrf_token_of, session_cookie_name

PASSWORD = "four-quiet-words-here"
CONSOLE_URL = "https://nps.example.com"


def add_console_user(
    harness: ApplicationHarness,
    email: str = "claire@example.com",
    role: UserRole = "admin",
    *,
    name: str = "Claire Dubois",
    team: str | None = None,
    password: str | None = None,
    language: str | None = "en",
) -> UserRow:
    """Add a user of the console; with a password only if a test signs in with it (hashing takes time)."""
    ctx = harness.app.ctx
    with ctx.ledger.write() as session:
        row = add_user(
            session, public_id=ctx.new_public_id(), email=email, name=name, role=role, team=team,
            actor=Actor("cli", "operator"), now=ctx.clock(),
        )  # fmt: skip
        row.language = language
        row.password_hash = PASSWORD_HASHER.hash(password) if password else None
        session.add(row)
        session.flush()
        session.expunge(row)
    return row


class ConsoleClient:
    """A browser without scripts: it keeps cookies and sends the token of the session with forms.

    Args:
        harness: the application.
        runner: runs the requests.
        user: who is signed in; None for a visitor.
        address: of the client.
    """

    def __init__(
        self,
        harness: ApplicationHarness,
        runner: asyncio.Runner,
        user: UserRow | None = None,
        address: str = "203.0.113.77",
    ) -> None:
        ctx = harness.app.ctx
        app = create_app(ApplicationWebBackend(ctx), clock=ctx.clock)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 50000)),
            base_url=CONSOLE_URL,
            headers={"Accept-Language": "en"},
        )
        self.csrf = ""
        self._runner = runner
        if user is not None:
            with ctx.ledger.write() as session:
                session_id = create_session(session, user.id or 0, ctx.clock())
            self.http.cookies.set(session_cookie_name(ctx), session_id, path="/console")
            self.csrf = csrf_token_of(session_id)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Request a page; redirects are not followed."""
        return self._runner.run(self.http.get(path, **options))

    def post(self, path: str, fields: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Send a form with the token of the session."""
        return self._runner.run(self.http.post(path, data={"csrf": self.csrf, **(fields or {})}, **options))


def words(page: str) -> str:
    """Return what a reader sees of a page: without markup, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
