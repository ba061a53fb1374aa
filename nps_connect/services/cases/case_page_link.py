"""The link to the page of a case in the console, for mails and alerts to staff."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.users import UserRow
from nps_connect.services.context import Context


def case_link(ctx: Context, session: Session, case: CaseRow | None, response: str) -> str | None:
    """Return the address of the page of a case without a ticket; None with a ticket, or without a user of the console.

    Staff work on a case with a ticket at the helpdesk, to which the ticket's own link leads.

    Args:
        ctx: the application context.
        session: for reading.
        case: None if there is none.
        response: the public id of its response.
    """
    if case is None or case.connection is not None:
        return None
    has_users = session.execute(select(exists().where(col(UserRow.id).is_not(None)))).scalar()
    return f"{ctx.settings.core.url}/console/cases/{response}" if has_users else None
