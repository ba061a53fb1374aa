"""Store twelve months of three invented shops in a ledger, in bulk, for a console without customers."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import update
from sqlmodel import col

from nps_connect.ledger.tables import (
    DeliveryRow,
)
from nps_connect.sandbox.demo_cases import insert_cases
from nps_connect.sandbox.demo_purchases import build_purchases
from nps_connect.sandbox.demo_responses import insert_responses, insert_review_invitations
from nps_connect.sandbox.demo_rows import DemoHistory, DemoNames
from nps_connect.sandbox.demo_surveys import (
    insert_bounces,
    insert_contacts,
    insert_events,
    insert_invitations,
    insert_page_views,
)
from nps_connect.services.context import Context
from nps_connect.services.responses.dimensions import count_new_responses


class DemoCounts(NamedTuple):
    """What was stored."""

    purchases: int
    invitations: int
    responses: int
    cases: int


def insert_demo_history(
    ctx: Context, names: DemoNames | None = None, *, responses: int = 600, seed: int = 1
) -> DemoCounts:
    """Store purchases, surveys, responses, review invitations and cases of twelve months, in one transaction.

    Nothing is sent: all deliveries are finished. The same arguments and time give the same rows.

    Args:
        ctx: the application context; the history ends at the time of its clock.
        names: of the configuration.
        responses: about how many purchases are answered.
        seed: of the random choices.
    """
    now = ctx.clock()
    purchases = build_purchases(now, responses, seed)
    with ctx.ledger.write() as session:
        history = DemoHistory(ctx, session, names or DemoNames(), now, seed)
        insert_contacts(history, purchases)
        insert_events(history, purchases)
        insert_invitations(history, [item for item in purchases if item.outcome not in ("in_cooldown", "opted_out")])
        answers = [purchase for purchase in purchases if purchase.score is not None]
        insert_page_views(history, purchases)
        insert_responses(history, answers)
        confirmed = [purchase for purchase in answers if purchase.outcome != "provisional"]
        insert_review_invitations(history, [item for item in confirmed if item.outcome == "answered"])
        cases = insert_cases(history, confirmed)
        _finish_deliveries(history)
        insert_bounces(history, [purchase for purchase in purchases if purchase.outcome == "bounced"])
        response_ids = [history.responses[purchase.number] for purchase in confirmed]
        count_new_responses(ctx.dimensions, session, ctx.settings.core.zone, response_ids)
    return DemoCounts(len(purchases), len(history.invitations), len(confirmed), cases)


def _finish_deliveries(history: DemoHistory) -> None:
    """Let all deliveries of the history have succeeded when they were due; mails get a Message-ID as receipt."""
    ours = col(DeliveryRow.created_at) == history.now, col(DeliveryRow.state) == "pending"
    statement = update(DeliveryRow).where(*ours).execution_options(synchronize_session=False)
    due_at = col(DeliveryRow.due_at)
    values = {"created_at": due_at, "first_started_at": due_at, "finished_at": due_at, "state": "succeeded"}
    history.session.execute(statement.values(**values, receipt_id="<" + col(DeliveryRow.key) + "@example.com>"))
