"""The plan to ask people: a campaign, as `surveys invite` starts one from a file."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.records.assistant_requests import AskPeopleRequest
from nps_connect.rules.timing import local_date
from nps_connect.services.api.people import require_survey, source_connection
from nps_connect.services.assistants.people import find_people
from nps_connect.services.assistants.plan_handler import PlanArguments, PlanHandler, PlannedEffect, digest
from nps_connect.services.contacts.store import check_contact, load_person
from nps_connect.services.context import Context
from nps_connect.services.imports.campaign import Campaign, add_to_campaign, load_existing_keys, plan_campaign
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints


def _resolve(ctx: Context, session: Session, caller: ApiCaller, request: AskPeopleRequest) -> PlanArguments:
    require_survey(ctx, request.survey)
    rows = find_people(ctx, session, caller, request.people)
    connections = {row.connection for row in rows}
    if len(connections) > 1:
        raise ApiProblem(422, "invalid", "these people belong to several connections; make one plan for each")
    return {
        "survey": request.survey,
        "connection": source_connection(ctx, connections.pop(), request.survey),
        "campaign": f"assistant-{local_date(ctx.clock(), ctx.settings.core.zone)}",
        "contacts": sorted(row.id or 0 for row in rows),
    }


def _foresee(ctx: Context, session: Session, arguments: PlanArguments) -> PlannedEffect:
    people = _load_reachable(ctx, session, arguments)
    contacts = tuple(sorted(contact_id for contact_id, _ in people))
    mode = ctx.settings.core.mode
    named = arguments["survey"], arguments["connection"], arguments["campaign"]
    addresses = sorted(person.fingerprint for _, person in people)
    return PlannedEffect(contacts, len(contacts), digest(mode, *named, contacts, addresses))


def _load_reachable(ctx: Context, session: Session, arguments: PlanArguments) -> Sequence[tuple[int, ImportedPerson]]:
    """Return the people who may be contacted and are not in the campaign yet, with the row ids of their contacts."""
    query = select(ContactRow).where(col(ContactRow.id).in_(arguments["contacts"]), col(ContactRow.erased_at).is_(None))
    rows = session.execute(query.order_by(col(ContactRow.id))).scalars().all()
    allowed = [row for row in rows if check_contact(ctx, row, load_person(session, row)) is None]
    people = [
        (row.id or 0, ImportedPerson(line, row.email, row.vendor_id, row.name, row.language))
        for line, row in enumerate(allowed, start=1)
    ]
    campaign = _build_campaign(ctx, arguments)
    imported = [person for _, person in people]
    existing_keys, erased = load_existing_keys(session, campaign, imported), erased_fingerprints(ctx, session, imported)
    return [
        (contact_id, person)
        for contact_id, person in people
        if campaign.key(person) not in existing_keys and person.fingerprint not in erased
    ]


def _build_campaign(ctx: Context, arguments: PlanArguments) -> Campaign:
    return plan_campaign(
        ctx,
        name=arguments["campaign"],
        survey=arguments["survey"],
        connection=arguments["connection"],
        per_day=None,
    )


def _execute(ctx: Context, arguments: PlanArguments, actor: Actor) -> str:
    campaign = _build_campaign(ctx, arguments)
    with ctx.ledger.read() as session:
        people = [person for _, person in _load_reachable(ctx, session, arguments)]
    with ctx.ledger.write() as session:
        target = f"survey:{campaign.survey}, campaign:{campaign.name}"
        record_audit(session, actor, "surveys invite", target, now=ctx.clock())
    added = add_to_campaign(ctx, campaign, people)
    return f"{added} added to campaign {campaign.name}; a running worker decides by the usual rules whom to ask"


ASK_PEOPLE = PlanHandler(_resolve, _foresee, _execute)
