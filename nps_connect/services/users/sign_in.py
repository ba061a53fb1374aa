"""Sign in with a password."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.users import UserRow
from nps_connect.services.context import Context
from nps_connect.services.users.passwords import PASSWORD_HASHER
from nps_connect.services.users.sessions import create_session
from nps_connect.services.users.sign_in_limits import count_attempt, find_wait, forgive_attempts, password_scopes

log = logging.getLogger(__name__)


class SignInRefused(NpsConnectError):
    """Nobody is signed in.

    Attributes:
        wait: how long to wait before the next attempt; None: address or password are wrong.
    """

    def __init__(self, wait: timedelta | None = None) -> None:
        super().__init__("too many attempts" if wait else "address or password are wrong")
        self.wait = wait


def normalize_email(text: str) -> str:
    """Return an address as it is stored and compared."""
    return text.strip().lower()[:254]


def sign_in(ctx: Context, email: str, password: str, network: str | None) -> str:
    """Check a password, and return the id of a new session for the cookie.

    What is wrong is not said, and takes the same time: unknown and locked users cannot be told from a wrong password.

    Args:
        ctx: the application context.
        email: as typed.
        password: as typed.
        network: of the client, for the limit.

    Raises:
        SignInRefused: address or password are wrong, or there were too many attempts.
        TooBusy: too many passwords are being checked.
    """
    email = normalize_email(email)
    scopes = password_scopes(ctx, email, network)
    with ctx.ledger.read() as session:
        wait = find_wait(session, scopes, ctx.clock())
    if wait is None:
        with ctx.ledger.write() as session:
            wait = count_attempt(session, scopes, ctx.clock())
    if wait is not None:
        log.warning("console_sign_in_limited network=%s", network)
        raise SignInRefused(wait)
    query = select(UserRow).where(col(UserRow.email) == email, col(UserRow.locked_at).is_(None))
    with ctx.ledger.read() as session:
        user = session.execute(query).scalar()
    password_hash = user.password_hash if user is not None else None
    if not PASSWORD_HASHER.verify(password, password_hash):
        log.warning("console_sign_in_refused network=%s", network)
        raise SignInRefused
    with ctx.ledger.write() as session:
        row = session.execute(query.with_for_update()).scalar()
        if row is None or row.password_hash != password_hash:  # changed or locked just now
            raise SignInRefused
        forgive_attempts(session, scopes)
        row.last_sign_in_at = ctx.clock()
        session.add(row)
        record_audit(session, Actor("console", email), "sign-in", f"user:{row.public_id}", now=ctx.clock())
        return create_session(session, row.id or 0, ctx.clock())
