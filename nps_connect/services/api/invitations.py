"""Ask a person by the API: a campaign, as `surveys invite` starts one from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from nps_connect.ledger.audit_log import record_audit
from nps_connect.ledger.columns import decide_queue
from nps_connect.records.api_requests import InvitationRequest
from nps_connect.records.api_results import ApiProblem, ApiResult, InvitationResult, invalid
from nps_connect.services.api.contacts import ERASED
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import build_person, require_survey, source_connection
from nps_connect.services.context import Context
from nps_connect.services.imports.campaign import Campaign, plan_campaign, store_campaign_events
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints


class PlannedInvitation(NamedTuple):
    """A person, and the campaign in which they are asked."""

    campaign: Campaign
    person: ImportedPerson


def _prepare(ctx: Context, request: InvitationRequest) -> PlannedInvitation:
    require_survey(ctx, request.survey)
    connection = source_connection(ctx, request.connection, request.survey)
    cap = ctx.settings.limits.surveys_per_day
    if request.per_day is not None and request.per_day > cap:
        raise invalid("per_day", f"exceeds limits.surveys_per_day, {cap}")
    campaign = plan_campaign(
        ctx, name=request.campaign, survey=request.survey, connection=connection, per_day=request.per_day
    )
    return PlannedInvitation(campaign, build_person(request.contact))


def _store(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    results: list[ApiResult | ApiProblem] = []
    for write in writes:
        campaign, person = write.prepared
        if erased_fingerprints(ctx, session, [person]):
            results.append(ApiProblem(409, "person-erased", ERASED))
            continue
        new_keys = store_campaign_events(ctx, session, campaign, [person], source="api")
        queues.add(decide_queue(campaign.connection))
        target = f"survey:{campaign.survey}, campaign:{campaign.name}"
        record_audit(session, write.actor, "surveys invite", target, now=ctx.clock())
        body = InvitationResult(campaign=campaign.name, new=bool(new_keys))
        results.append(ApiResult(202 if new_keys else 200, body.model_dump(mode="json")))
    return results


INVITATION_HANDLER = WriteHandler(_prepare, _store)
