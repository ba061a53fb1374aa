"""Respond: visits to survey pages, taken together. Opening confirms nothing; only a press does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from nps_connect.records.pages import PageView, SurveyPageRequest, VisitOutcome
from nps_connect.rules.bot_detection import SWEEP_WINDOW
from nps_connect.services.context import Context
from nps_connect.services.responses.invitation_state import OPEN_STATES, LockedInvitation, lock_invitations
from nps_connect.services.responses.page_views import record_page_views
from nps_connect.services.responses.submissions import record_submissions
from nps_connect.services.responses.visit_log import VisitLog

IdentifiedVisit = tuple[int, SurveyPageRequest]
"""A visit with the id of its survey invitation."""


def process_visits(ctx: Context, visits: Sequence[SurveyPageRequest]) -> list[VisitOutcome | Exception]:
    """Note openings and take presses, in their order and together in one transaction; durable on return.

    A press gives a new revision and its deliveries; a repeated one adds nothing. Two different scores within seconds
    are no person's answer: it becomes provisional again, and what it has led to waits for the next press.

    Returns:
        Where each survey stands now, or why that visit could not be taken; one that fails does not fail the others.

    Raises:
        OperationalError: the database is in trouble.
    """
    taken: list[VisitOutcome | Exception] = []
    numbered: dict[int, IdentifiedVisit] = {}
    for index, one in enumerate(visits):
        number = ctx.links.read_survey(one.token)
        if number is not None:
            numbered[index] = (number, one)
        taken.append("unknown" if number is not None or ctx.links.read_test(one.token) is None else "test")
    for turn in _split_batches(numbered):
        for index, outcome in zip(turn, _process_batch(ctx, [numbered[index] for index in turn]), strict=True):
            taken[index] = outcome
    return taken


def _split_batches(numbered: dict[int, IdentifiedVisit]) -> Iterator[list[int]]:
    """Visits that can be taken together: what follows a press of the same survey has to see what came of it."""
    turns: list[list[int]] = []
    pressed: dict[int, int] = {}
    for index, (number, one) in numbered.items():
        turn = pressed.get(number, 0)
        if turn == len(turns):
            turns.append([])
        turns[turn].append(index)
        if one.submission is not None:
            pressed[number] = turn + 1
    yield from turns


def _process_batch(ctx: Context, group: Sequence[IdentifiedVisit]) -> Sequence[VisitOutcome | Exception]:
    queues: set[str] = set()
    try:
        with ctx.ledger.write() as session:
            taken = _process_in_transaction(ctx, session, group, queues)
    except OperationalError:  # the database itself is in trouble: alone none of them would fare better
        raise
    except Exception as error:  # noqa: BLE001  # told to the one whom it concerns
        return [error] if len(group) == 1 else [outcome for one in group for outcome in _process_batch(ctx, [one])]
    for queue_name in queues:
        ctx.wake(queue_name)
    return taken


def _process_in_transaction(
    ctx: Context, session: Session, group: Sequence[IdentifiedVisit], queues: set[str]
) -> list[VisitOutcome | Exception]:
    """One transaction of visits; at most one press of a survey, after its openings."""
    since = min(one.page_view.at for _, one in group) - SWEEP_WINDOW
    surveys = lock_invitations(session, {number for number, _ in group}, since)
    known = [(surveys[number], one) for number, one in group if number in surveys]
    confirmed: dict[int, bool] = {}
    if known:
        book = VisitLog(session, surveys, since)
        opened = [(survey.invitation, one.page_view) for survey, one in known if one.submission is None]
        pressed = [(survey, one.page_view, one.submission) for survey, one in known if one.submission is not None]
        if opened:
            record_page_views(ctx, session, book, opened)
        if pressed:
            confirmed = record_submissions(ctx, session, book, pressed, queues)
        book.write()
    return [_visit_outcome(surveys.get(number), one.page_view, confirmed.get(number)) for number, one in group]


def _visit_outcome(survey: LockedInvitation | None, visit: PageView, confirmed: bool | None) -> VisitOutcome:
    if survey is None or survey.invitation.state not in OPEN_STATES:
        return "unknown"
    standing = survey.invitation
    if not standing.is_open(visit.at):
        return "expired"
    return "answered" if (standing.is_confirmed if confirmed is None else confirmed) else "open"
