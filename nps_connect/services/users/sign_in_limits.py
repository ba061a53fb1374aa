"""How often somebody may try a password, or ask for a link, per account and per network."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import case, delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.columns import insert_for
from nps_connect.ledger.users import SignInLimitRow
from nps_connect.services.context import Context

WINDOW = timedelta(minutes=15)


class LimitedScope(NamedTuple):
    """An account or a network whose attempts are counted.

    Attributes:
        scope_hash: keyed hash, under which they are counted.
        limit: attempts within the window.
    """

    scope_hash: str
    limit: int


PASSWORDS_PER_ACCOUNT = 10
PASSWORDS_PER_NETWORK = 50
LINKS_PER_ACCOUNT = 3
LINKS_PER_NETWORK = 20


def password_scopes(ctx: Context, email: str, network: str | None) -> tuple[LimitedScope, ...]:
    """Return the scopes of an attempt to sign in: its account, then its network."""
    return (
        LimitedScope(_hash_scope(ctx, "password-account", email), PASSWORDS_PER_ACCOUNT),
        LimitedScope(_hash_scope(ctx, "password-network", network or "-"), PASSWORDS_PER_NETWORK),
    )


def link_scopes(ctx: Context, email: str, network: str | None) -> tuple[LimitedScope, ...]:
    """Return the scopes of a request for a link to choose a new password: its account, then its network."""
    return (
        LimitedScope(_hash_scope(ctx, "link-account", email), LINKS_PER_ACCOUNT),
        LimitedScope(_hash_scope(ctx, "link-network", network or "-"), LINKS_PER_NETWORK),
    )


def find_wait(session: Session, scopes: Sequence[LimitedScope], now: datetime) -> timedelta | None:
    """Return how long to wait until the next attempt; None if it is allowed. Reads only: a storm costs no commit."""
    limits = {scope.scope_hash: scope.limit for scope in scopes}
    query = select(SignInLimitRow).where(
        col(SignInLimitRow.scope_hash).in_(limits), col(SignInLimitRow.window_ends_at) > now
    )
    rows = session.execute(query).scalars().all()
    ends = [row.window_ends_at for row in rows if row.failures >= limits[row.scope_hash]]
    return max(ends) - now if ends else None


def count_attempt(session: Session, scopes: Sequence[LimitedScope], now: datetime) -> timedelta | None:
    """Count an attempt before it is made, so that attempts at the same time cannot exceed the limit.

    Returns how long to wait if it is one too many; None if it is allowed.
    """
    waits = []
    for scope in sorted(scopes):  # in one order for all processes, so that they cannot deadlock
        is_over = col(SignInLimitRow.window_ends_at) <= now
        statement = insert_for(session, SignInLimitRow).values(
            scope_hash=scope.scope_hash, failures=1, window_ends_at=now + WINDOW
        )
        statement = statement.on_conflict_do_update(
            index_elements=["scope_hash"],
            set_={
                "failures": case((is_over, 1), else_=col(SignInLimitRow.failures) + 1),
                "window_ends_at": case((is_over, now + WINDOW), else_=col(SignInLimitRow.window_ends_at)),
            },
        ).returning(col(SignInLimitRow.failures), col(SignInLimitRow.window_ends_at))
        failures, ends_at = session.execute(statement).one()
        if failures > scope.limit:
            waits.append(ends_at - now)
    return max(waits) if waits else None


def forget_account(ctx: Context, session: Session, email: str) -> None:
    """Let an account start again, whose owner has just chosen a password."""
    account, _network = password_scopes(ctx, email, None)
    session.execute(
        delete(SignInLimitRow).where(col(SignInLimitRow.scope_hash) == account.scope_hash),
        execution_options={"synchronize_session": False},
    )


def forgive_attempts(session: Session, scopes: Sequence[LimitedScope]) -> None:
    """Undo the counting of an attempt that succeeded: the account starts again, the network has one attempt back."""
    account, *networks = [scope.scope_hash for scope in scopes]
    options = {"synchronize_session": False}
    session.execute(delete(SignInLimitRow).where(col(SignInLimitRow.scope_hash) == account), execution_options=options)
    one_less = {"failures": col(SignInLimitRow.failures) - 1}
    is_counted = col(SignInLimitRow.scope_hash).in_(networks) & (col(SignInLimitRow.failures) > 0)
    session.execute(update(SignInLimitRow).where(is_counted).values(one_less), execution_options=options)


def _hash_scope(ctx: Context, kind: str, name: str) -> str:
    return hmac.new(ctx.erasure_keys[0], f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()
