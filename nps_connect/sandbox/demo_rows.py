"""What the parts of the demo's history share: names, the transaction, and the ids of what is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.columns import Base
from nps_connect.ledger.upserts import insert_many
from nps_connect.sandbox.demo_purchases import DemoPurchase
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery

SURVEY_DELAY = timedelta(days=1)


@dataclass(frozen=True)
class DemoNames:
    """Names in the configuration that the history uses; a connection that it lacks is None.

    Attributes:
        crm, mail, helpdesk, reviews: connections.
        survey, touchpoint: the survey of all purchases.
        event_kind: of a purchase.
    """

    crm: str = "crm"
    mail: str = "mail"
    helpdesk: str | None = "helpdesk"
    reviews: str | None = "stars"
    survey: str = "after-purchase"
    touchpoint: str = "after-purchase"
    event_kind: str = "deal.won"


@dataclass
class DemoHistory:
    """The rows of one history, and the ids of those that are stored, by number of the purchase."""

    ctx: Context
    session: Session
    names: DemoNames
    now: datetime
    seed: int
    contacts: dict[str, int] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    invitations: dict[int, int] = field(default_factory=dict)
    responses: dict[int, int] = field(default_factory=dict)

    def public_id(self, purpose: str, purchase: DemoPurchase) -> str:
        """Return a public id, the same for the same seed."""
        return hashlib.sha256(f"demo:{self.seed}:{purpose}:{purchase.number}".encode()).hexdigest()[:32]

    def insert(self, table: type[Base], rows: Sequence[Mapping[str, Any]], *returning: str) -> list[Any]:
        """Insert rows; return these columns of them."""
        return insert_many(self.session, table, rows, returning=returning)


def delivery_of(
    history: DemoHistory, purchase: DemoPurchase, connection: str, action: str, at: datetime
) -> NewDelivery:
    """Return a delivery about the response to a purchase."""
    return NewDelivery(
        connection=connection,
        action=action,
        subject=history.public_id("response", purchase),
        due_at=at,
        contact_id=history.contacts[purchase.email],
        response_id=history.responses[purchase.number],
        revision=1,
    )


def sent_at(purchase: DemoPurchase) -> datetime:
    """Return when the survey of a purchase was sent."""
    return purchase.bought_at + SURVEY_DELAY


def answered_at(purchase: DemoPurchase) -> datetime:
    """Return when a purchase was answered, or its page viewed."""
    return sent_at(purchase) + purchase.answered_after
