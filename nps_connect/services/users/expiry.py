"""Delete what has expired: sessions, one-time links, counts of failed sign-ins, and mails that held a link."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlmodel import col

from nps_connect.ledger.columns import FINISHED_STATES
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.users import SignInLimitRow, UserLinkRow, UserSessionRow
from nps_connect.services.context import Context
from nps_connect.services.users.link_mails import LINK_MAIL_KEYS
from nps_connect.services.users.sessions import IDLE_LIFETIME

ROWS_PER_STEP = 500
LOOK_BACK = timedelta(days=7)


def delete_expired_secrets(ctx: Context) -> None:
    """Delete expired rows, and empty the mails of the last days that held a link."""
    now = ctx.clock()
    is_idle = col(UserSessionRow.last_seen_at) <= now - IDLE_LIFETIME
    with ctx.ledger.write() as session:
        for statement in (
            delete(UserSessionRow).where(or_(col(UserSessionRow.expires_at) <= now, is_idle)),
            delete(UserLinkRow).where(col(UserLinkRow.expires_at) <= now),
            update(DeliveryRow)
            .where(
                col(DeliveryRow.key).startswith(LINK_MAIL_KEYS, autoescape=True),
                col(DeliveryRow.state).in_(FINISHED_STATES),
                col(DeliveryRow.created_at) > now - LOOK_BACK,
                col(DeliveryRow.payload).is_not(None),
            )
            .values(payload=None),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})
    _delete_old_limits(ctx)


def _delete_old_limits(ctx: Context) -> None:
    """Delete the counts whose window has ended, in steps: a storm leaves many."""
    query = select(col(SignInLimitRow.scope_hash)).where(col(SignInLimitRow.window_ends_at) <= ctx.clock())
    has_more = True
    while has_more:
        with ctx.ledger.write() as session:
            scopes = session.execute(query.limit(ROWS_PER_STEP)).scalars().all()
            session.execute(
                delete(SignInLimitRow).where(col(SignInLimitRow.scope_hash).in_(scopes)),
                execution_options={"synchronize_session": False},
            )
        has_more = len(scopes) == ROWS_PER_STEP
