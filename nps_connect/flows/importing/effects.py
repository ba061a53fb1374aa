"""What imported answers lead to, where the operator asks for it: of each person, the newest answer only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlmodel import col

from nps_connect.flows.contacts.people import read_answers
from nps_connect.flows.context import Context
from nps_connect.flows.importing.answers import FileAnswer
from nps_connect.flows.importing.history import History
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.flows.responding.answers import answered_contact
from nps_connect.flows.routing.route import Batch, planned_for, route_response, write_down
from nps_connect.ledger.many import one_of
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.responses import Response
from nps_connect.rules.routing import plan
from nps_connect.settings.model import Route


def narrowed(ctx: Context, *, route: bool, write_scores: bool) -> Context:
    """The same house with the routes that imported answers may take."""
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": _routes(ctx, route, write_scores)}))


def _routes(ctx: Context, route: bool, write_scores: bool) -> tuple[Route, ...]:
    if route:
        return ctx.settings.routes
    return tuple(one for one in ctx.settings.routes if one.do == "write_score") if write_scores else ()


def foresee(ctx: Context, history: History, scratch: Scratch) -> Counter[str]:
    """How many effects of each kind the newest answers of the people of a file would have at most."""
    found: Counter[str] = Counter()
    for score, number in scratch.newest_scores():
        for planned in plan(ctx.settings.routes, response=_sample(ctx, history, score), sent=True):
            found[planned.action] += number
    return found


def _sample(ctx: Context, history: History, score: int) -> Response:
    survey = ctx.settings.surveys[history.survey]
    return Response(
        id="sample",
        revision=1,
        survey=history.survey,
        touchpoint=survey.touchpoint or history.survey,
        score=score,
        language=survey.language or ctx.settings.core.language,
        answered_at=ctx.clock(),
    )


def _without(ctx: Context, actions: set[str]) -> Context:
    """The same house without the routes whose actions an answer has led to already."""
    routes = tuple(route for route in ctx.settings.routes if route.do not in actions)
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": routes}))


def carry_out(ctx: Context, answers: Sequence[FileAnswer]) -> Counter[str]:
    """Plan the effects of a batch, in one transaction; those that are planned already are not planned again.

    Args:
        ctx: the house with the routes that may be taken, see `narrowed`.
        answers: of the file; of each person only the newest one in the ledger counts.

    Returns:
        How many deliveries of each action were planned.
    """
    public_ids = [answer.public_id for answer in answers]
    with ctx.ledger.write() as session:
        query = (
            select(ResponseRow, ContactRow)
            .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
            .where(one_of(col(ResponseRow.public_id), "ids"), col(ContactRow.erased_at).is_(None))
        )
        rows = [(row[0], row[1]) for row in session.execute(query, {"ids": public_ids}).all()]
        newest = read_answers(session, {row.contact_id for row, _ in rows})
        mine = [(row, contact) for row, contact in rows if newest[row.contact_id][0].id == row.id]
        planned = planned_for(session, [row.id or 0 for row, _ in mine])
        begun = {one.id for rows_ in planned.values() for one in rows_}
        batch = Batch({row.id or 0: () for row, _ in mine})
        for row, contact in mine:
            open_ = _without(ctx, {one.action for one in planned[row.id or 0]})
            answered = answered_contact(session, row, contact)
            route_response(open_, session, batch, row, answered, contact, sent=True)
        write_down(ctx, session, batch)
        query_ = select(col(DeliveryRow.id), col(DeliveryRow.action)).where(one_of(col(DeliveryRow.response_id), "ids"))
        after = session.execute(query_, {"ids": [row.id for row, _ in mine]}).all()
    for lane in batch.lanes:
        ctx.wake(lane)
    return Counter(action for one, action in after if one not in begun)
