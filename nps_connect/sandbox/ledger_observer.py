"""What only the product itself can tell about a play: read from its ledger, never written."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Executable, func, select
from sqlmodel import col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, InvitationRow, PageViewRow, RawRequest

UNFINISHED_STATES = ("pending", "running")


class LedgerObserver:
    """Asks the ledger of a running product.

    Args:
        database_url: as in ``core.database_url``.
    """

    def __init__(self, database_url: str) -> None:
        self._ledger = Ledger(database_url)

    def close(self) -> None:
        """Let go of the database."""
        self._ledger.close()

    def planned(self, emails: Collection[str]) -> int:
        """How many of these addresses have a survey planned that has not been sent."""
        query = (
            select(func.count())
            .select_from(InvitationRow)
            .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
            .where(col(ContactRow.email).in_(emails), col(InvitationRow.state) == "planned")
        )
        return self._count(query)

    def unfinished(self) -> int:
        """Webhooks, events and deliveries that still wait for somebody to work on them."""
        return sum(
            self._count(select(func.count()).select_from(table).where(col(table.state).in_(UNFINISHED_STATES)))
            for table in (RawRequest, EventRow, DeliveryRow)
        )

    def duplicates(self) -> int:
        """Facts that came in again and added nothing."""
        return self._count(select(func.coalesce(func.sum(col(RawRequest.events_duplicate)), 0)))

    def visits(self, agent: str) -> int:
        """Openings of personal links by callers of that name."""
        return self._count(select(func.count()).select_from(PageViewRow).where(col(PageViewRow.agent) == agent))

    def _count(self, query: Executable) -> int:
        with self._ledger.read() as session:
            return int(session.execute(query).scalar_one())
