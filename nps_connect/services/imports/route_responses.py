"""Route imported responses on request: only the newest response of each person."""

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
from nps_connect.services.contacts.store import RoutableResponse, build_contact, build_response, load_responses
from nps_connect.services.context import Context
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.routing.route import load_planned_deliveries, route_responses


def with_import_routes(ctx: Context, *, route: bool, write_scores: bool) -> Context:
    """Return a context with only the routes that imported responses may take."""
    routes = tuple(
        configured for configured in ctx.settings.routes if route or (write_scores and configured.do == "write_score")
    )
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": routes}))


def estimate_actions(ctx: Context, target: ImportTarget, dedup_store: DedupStore) -> Counter[str]:
    """Maximum number of deliveries per action for the newest response of each person of a file."""
    counts: Counter[str] = Counter()
    for score, people in dedup_store.count_newest_scores():
        response = _sample_response(ctx, target, score)
        for planned in plan_actions(ctx.settings.routes, response=response, grace_periods={}):
            counts[planned.action] += people
    return counts


def _sample_response(ctx: Context, target: ImportTarget, score: int) -> Response:
    survey = ctx.settings.surveys[target.survey]
    return Response(
        id="sample",
        revision=1,
        survey=target.survey,
        touchpoint=survey.touchpoint or target.survey,
        score=score,
        language=survey.language or ctx.settings.core.language,
        answered_at=ctx.clock(),
    )


def _without_actions(ctx: Context, actions: Collection[str]) -> Context:
    """Return a context without the routes of these actions."""
    routes = tuple(route for route in ctx.settings.routes if route.do not in actions)
    return replace(ctx, settings=ctx.settings.model_copy(update={"routes": routes}))


def route_imported_responses(ctx: Context, responses: Sequence[ImportedResponse]) -> Counter[str]:
    """Plan the deliveries of a batch of responses in one transaction; existing deliveries are not planned again.

    Args:
        ctx: with the routes that may be taken, see `with_import_routes`.
        responses: of the file; only the newest stored response of each person is routed.

    Returns:
        Number of planned deliveries by action.
    """
    public_ids = [response.public_id for response in responses]
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
            groups[actions].append(build_routable(row, contact))
        queues = set()
        for actions, routable in groups.items():
            queues |= route_responses(_without_actions(ctx, actions), session, routable, {})
        all_deliveries = select(col(DeliveryRow.id), col(DeliveryRow.action)).where(
            in_list(col(DeliveryRow.response_id), "ids")
        )
        after = session.execute(all_deliveries, {"ids": [row.id for row, _ in rows]}).all()
    for queue_name in queues:
        ctx.wake(queue_name)
    return Counter(action for delivery_id, action in after if delivery_id not in existing_ids)


def build_routable(row: ResponseRow, contact: ContactRow) -> RoutableResponse:
    """Return a response that was not submitted on the survey page as routing takes it."""
    return RoutableResponse(
        columns=row,
        response=build_response(row),
        contact=build_contact(contact),
        mailbox=contact.mailbox,
        has_merged_contacts=True,  # unknown: looked up where it matters
        has_review_request=True,
        is_final=True,
    )
