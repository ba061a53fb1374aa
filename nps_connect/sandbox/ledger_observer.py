"""Read-only queries on the ledger of a running demo product."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Executable, func, select
from sqlmodel import col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, InvitationRow, PageViewRow, RawRequest

ACTIVE_STATES = ("pending", "running")


class LedgerObserver:
    """Queries the ledger of a running product.

    Args:
        database_url: as in ``core.database_url``.
    """

    def __init__(self, database_url: str) -> None:
        self._ledger = Ledger(database_url)

    def close(self) -> None:
        """Close the database."""
        self._ledger.close()

    def count_planned_surveys(self, emails: Collection[str]) -> int:
        """Return how many of these addresses have a planned survey that has not been sent."""
        query = (
            select(func.count())
            .select_from(InvitationRow)
            .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
            .where(col(ContactRow.email).in_(emails), col(InvitationRow.state) == "planned")
        )
        return self._count(query)

    def count_unfinished(self) -> int:
        """Return the number of webhooks, events and deliveries that are not finished."""
        return sum(
            self._count(select(func.count()).select_from(table).where(col(table.state).in_(ACTIVE_STATES)))
            for table in (RawRequest, EventRow, DeliveryRow)
        )

    def count_duplicates(self) -> int:
        """Return the number of facts that arrived again and added nothing."""
        return self._count(select(func.coalesce(func.sum(col(RawRequest.events_duplicate)), 0)))

    def count_visits(self, agent: str) -> int:
        """Return the number of page views of personal links with this user agent."""
        return self._count(select(func.count()).select_from(PageViewRow).where(col(PageViewRow.agent) == agent))

    def _count(self, query: Executable) -> int:
        with self._ledger.read() as session:
            return int(session.execute(query).scalar_one())
