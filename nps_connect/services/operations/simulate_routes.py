"""Simulate routes: what the routes of a configuration would do with recorded responses; nothing is sent or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.rules.review_policy import choose_platform
from nps_connect.rules.routing import PlannedAction, plan_actions
from nps_connect.services.contacts.store import build_response, confirmed_clause
from nps_connect.services.context import Context
from nps_connect.services.operations.simulation_diff import SimulationDiff, compare_planned

RESPONSES_PER_PAGE = 1000


class SimulatedAction(NamedTuple):
    """An action that the routes would lead to.

    Attributes:
        contact: connection and vendor id, as ``connection:id``.
        response: public id of the response.
        action: name of the action.
        via: the connection.
        due_at: when it would be due, before quiet hours.
    """

    contact: str
    response: str
    action: str
    via: str
    due_at: datetime


def simulate_routes(ctx: Context, since: datetime) -> list[SimulatedAction]:
    """Return what the routes would do with the confirmed responses since a moment, in the order of the responses.

    Several review platforms share responses by weight, without the choice of a plugin.
    """
    grace_periods = {name: spec.grace_period for name, spec in ctx.actions.items()}
    actions = []
    with ctx.ledger.read() as session:
        for row, contact in _load_responses(session, since):
            response = build_response(row)
            planned = plan_actions(ctx.settings.routes, response=response, grace_periods=grace_periods)
            for action in _without_other_platforms(planned, contact):
                due_at = response.answered_at + action.delay
                actions.append(SimulatedAction(contact, response.id, action.action, action.via, due_at))
    return actions


def compare_actions(old: Iterable[SimulatedAction], new: Iterable[SimulatedAction]) -> SimulationDiff[SimulatedAction]:
    """Return how the new actions differ from the old ones."""
    before, after = ({action[:4]: action for action in actions} for actions in (old, new))
    return compare_planned(before, after)


def _without_other_platforms(planned: Sequence[PlannedAction], contact: str) -> Iterator[PlannedAction]:
    """Yield the actions with at most one review invitation."""
    weights = {action.via: action.weight for action in planned if action.action == "invite_review"}
    platform = choose_platform(list(weights), weights, contact)
    yield from (action for action in planned if action.action != "invite_review" or action.via == platform)


def _load_responses(session: Session, since: datetime) -> Iterator[tuple[ResponseRow, str]]:
    """Yield the confirmed NPS responses with their contacts, page by page."""
    last_id = 0
    while True:
        query = (
            select(ResponseRow, col(ContactRow.connection), col(ContactRow.vendor_id))
            .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
            .where(confirmed_clause(), col(ResponseRow.scale) == NPS_SCALE, col(ResponseRow.answered_at) >= since)
            .where(col(ResponseRow.id) > last_id)
            .order_by(col(ResponseRow.id))
            .limit(RESPONSES_PER_PAGE)
        )
        page = session.execute(query).all()
        if not page:
            return
        for row, connection, vendor_id in page:
            yield row, f"{connection}:{vendor_id}"
        last_id = page[-1][0].id
