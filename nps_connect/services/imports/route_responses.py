"""What imported answers lead to, where the operator asks for it: of each person, the newest answer only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.responses import Response
from nps_connect.rules.routing import plan_actions
from nps_connect.services.contacts.response_records import RoutableResponse, build_response
from nps_connect.services.contacts.store import build_contact, load_responses
from nps_connect.services.context import Context
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_responses import ResponseImport
from nps_connect.services.routing.route import load_planned_deliveries, route_responses
from nps_connect.settings.model import Route


def with_import_routes(ctx: Context, *, route: bool, write_scores: bool) -> Context:
    """The same application with the routes that imported answers may take."""
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": _import_routes(ctx, route, write_scores)}))


def _import_routes(ctx: Context, route: bool, write_scores: bool) -> tuple[Route, ...]:
    if route:
        return ctx.settings.routes
    return tuple(one for one in ctx.settings.routes if one.do == "write_score") if write_scores else ()


def estimate_actions(ctx: Context, history: ResponseImport, scratch: DedupStore) -> Counter[str]:
    """How many effects of each kind the newest answers of the people of a file would have at most."""
    found: Counter[str] = Counter()
    for score, number in scratch.count_newest_scores():
        for planned in plan_actions(ctx.settings.routes, response=_sample_response(ctx, history, score), is_final=True):
            found[planned.action] += number
    return found


def _sample_response(ctx: Context, history: ResponseImport, score: int) -> Response:
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


def _without_actions(ctx: Context, actions: Collection[str]) -> Context:
    """The same application without the routes whose actions an answer has led to already."""
    routes = tuple(route for route in ctx.settings.routes if route.do not in actions)
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": routes}))


def route_imported_responses(ctx: Context, answers: Sequence[ImportedResponse]) -> Counter[str]:
    """Plan the effects of a batch, in one transaction; those that are planned already are not planned again.

    Args:
        ctx: the application with the routes that may be taken, see `with_import_routes`.
        answers: of the file; of each person only the newest one in the ledger counts.

    Returns:
        How many deliveries of each action were planned.
    """
    public_ids = [answer.public_id for answer in answers]
    with ctx.ledger.write() as session:
        query = (
            select(ResponseRow, ContactRow)
            .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
            .where(in_list(col(ResponseRow.public_id), "ids"), col(ContactRow.erased_at).is_(None))
        )
        rows = [(row[0], row[1]) for row in session.execute(query, {"ids": public_ids}).all()]
        newest = load_responses(session, {row.contact_id for row, _ in rows})
        rows = [(row, contact) for row, contact in rows if newest[row.contact_id][0].id == row.id]
        planned = load_planned_deliveries(session, [row.id for row, _ in rows])
        existing_ids = {delivery.id for deliveries in planned.values() for delivery in deliveries}
        groups: dict[frozenset[str], list[RoutableResponse]] = defaultdict(list)
        for row, contact in rows:
            actions = frozenset(delivery.action for delivery in planned[row.id or 0])
            groups[actions].append(_build_routable(row, contact))
        queues = set()
        for actions, responses in groups.items():
            queues |= route_responses(_without_actions(ctx, actions), session, responses, {})
        query_ = select(col(DeliveryRow.id), col(DeliveryRow.action)).where(
            in_list(col(DeliveryRow.response_id), "ids")
        )
        after = session.execute(query_, {"ids": [row.id for row, _ in rows]}).all()
    for queue_name in queues:
        ctx.wake(queue_name)
    return Counter(action for delivery_id, action in after if delivery_id not in existing_ids)


def _build_routable(row: ResponseRow, contact: ContactRow) -> RoutableResponse:
    return RoutableResponse(
        columns=row,
        response=build_response(row),
        contact=build_contact(contact),
        mailbox=contact.mailbox,
        has_merged_contacts=True,  # unknown: looked up where it matters
        has_review_request=True,
        is_final=True,
    )
