"""Process requests for survey pages in batches: page views are logged, submissions become responses."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from nps_connect.records.pages import PageView, SurveyPageRequest, VisitOutcome
from nps_connect.rules.bot_detection import SWEEP_WINDOW
from nps_connect.services.context import Context
from nps_connect.services.deliveries.settle_in_doubt import settle_opened_surveys
from nps_connect.services.responses.invitation_state import OPEN_STATES, InvitationState, lock_invitations
from nps_connect.services.responses.page_views import PageViewLog, record_page_views
from nps_connect.services.responses.submissions import ReceivedSubmission, record_submissions

IdentifiedVisit = tuple[str, SurveyPageRequest]
"""A request with the public id of its survey invitation."""


def process_visits(ctx: Context, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
    """Record page views and submissions, in their order, in one transaction; durable on return.

    A submission creates a new revision with its deliveries; a repeated one changes nothing. Two different scores within
    seconds conflict: the response becomes provisional again and its deliveries are held until the next submission.

    Returns:
        The state of each survey now, or the error that the request alone failed with.

    Raises:
        OperationalError: the database is unavailable.
    """
    outcomes: list[VisitOutcome | Exception] = []
    batches: list[dict[int, IdentifiedVisit]] = []
    earliest_batch: dict[str, int] = {}
    for index, visit in enumerate(visits):
        link_id = ctx.links.read_survey(visit.token)
        if link_id is None:
            outcomes.append("unknown" if ctx.links.read_test(visit.token) is None else "test")
            continue
        outcomes.append("unknown")
        number = earliest_batch.get(link_id, 0)
        if number == len(batches):
            batches.append({})
        batches[number][index] = (link_id, visit)
        if visit.submission is not None:  # later visits of this survey must see its result
            earliest_batch[link_id] = number + 1
    for batch in batches:
        for index, outcome in zip(batch, _process_batch(ctx, list(batch.values())), strict=True):
            outcomes[index] = outcome
    return outcomes


def _process_batch(ctx: Context, batch: Sequence[IdentifiedVisit]) -> Sequence[VisitOutcome | Exception]:
    """Process a batch in one transaction; if it fails, each visit alone."""
    queues: set[str] = set()
    try:
        with ctx.ledger.write() as session:
            outcomes = _process_in_transaction(ctx, session, batch, queues)
    except OperationalError:  # single visits would fail the same way
        raise
    except Exception as error:  # noqa: BLE001  # returned to the visitor whose request failed
        return [error] if len(batch) == 1 else [outcome for visit in batch for outcome in _process_batch(ctx, [visit])]
    for queue_name in queues:
        ctx.wake(queue_name)
    return outcomes


def _process_in_transaction(
    ctx: Context, session: Session, batch: Sequence[IdentifiedVisit], queues: set[str]
) -> list[VisitOutcome | Exception]:
    """Process page views, then submissions, of which there is at most one per survey."""
    since = min(visit.page_view.at for _, visit in batch) - SWEEP_WINDOW
    invitations = lock_invitations(session, dict(batch).keys(), since)
    if "planned" in map(attrgetter("state.state"), invitations.values()):  # its mail may be in doubt
        ids = list(map(attrgetter("state.id"), invitations.values()))
        if settle_opened_surveys(ctx, session, ids):
            invitations = lock_invitations(session, dict(batch).keys(), since)
    log = PageViewLog(session, invitations.values(), since)
    views: list[tuple[InvitationState, PageView]] = []
    received: list[ReceivedSubmission] = []
    for link_id, visit in batch:
        invitation = invitations.get(link_id)
        if invitation is not None and visit.submission is None:
            views.append((invitation.state, visit.page_view))
        elif invitation is not None and visit.submission is not None:
            received.append(ReceivedSubmission(invitation, visit.page_view, visit.submission))
    if views:
        record_page_views(ctx, session, log, views)
    confirmed = record_submissions(ctx, session, log, received, queues) if received else {}
    log.write()
    outcomes: list[VisitOutcome | Exception] = []
    for link_id, visit in batch:
        invitation = invitations.get(link_id)
        state = None if invitation is None else invitation.state
        outcomes.append(_visit_outcome(state, visit.page_view, None if state is None else confirmed.get(state.id)))
    return outcomes


def _visit_outcome(state: InvitationState | None, view: PageView, confirmed: bool | None) -> VisitOutcome:
    if state is None or state.state not in OPEN_STATES:
        return "unknown"
    if not state.is_open(view.at):
        return "expired"
    return "answered" if (state.is_confirmed if confirmed is None else confirmed) else "open"
