"""Presses: confirmed answers of several surveys at once, each with its revision and its deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.deliveries import CancelCode
from nps_connect.records.pages import Submission
from nps_connect.rules.bot_detection import BotSignal
from nps_connect.services.cases.recovery import record_recovery
from nps_connect.services.contacts.response_records import load_contact_response
from nps_connect.services.contacts.store import preload_responses
from nps_connect.services.context import Context
from nps_connect.services.invitations.reminders import cancel_reminders
from nps_connect.services.responses.conflicting_scores import mark_conflicting, resolve_conflict
from nps_connect.services.responses.first_submissions import (
    InvitationSubmission,
    record_first_submissions,
    revision_columns,
)
from nps_connect.services.responses.follow_up_answers import merge_follow_up_answers
from nps_connect.services.responses.invitation_state import LockedInvitation
from nps_connect.services.responses.visit_log import VisitLog
from nps_connect.services.routing.route import RoutingBatch, load_planned_deliveries, route_response, save_routing_batch


def record_submissions(
    ctx: Context, session: Session, book: VisitLog, pressed: Sequence[InvitationSubmission], queues: set[str]
) -> dict[int, bool]:
    """Take presses in the transaction that holds their surveys' locks, one of each survey.

    Args:
        ctx: the joined parts.
        session: the transaction.
        book: of visits; the presses are noted in it.
        pressed: the surveys, and what was pressed there.
        queues: those with new work are added.

    Returns:
        By survey invitation, for those that take answers: whether the answer is confirmed now.
    """
    signs = {one[0].invitation.id: book.note(one[0].invitation.id, one[1], one[2].score) for one in pressed}
    taken = [one for one in pressed if one[0].invitation.is_open(one[1].at)]
    first = [one for one in taken if not one[0].invitation.revision]
    again = _RepeatSubmissions(ctx, session, [one for one in taken if one[0].invitation.revision])
    batch = RoutingBatch(again.planned)
    record_first_submissions(ctx, session, first, batch)
    for survey, _visit, _press in first:
        queues |= _apply_first_submission(ctx, session, survey, reminded=survey.invitation.id in book.reminded)
    for survey, visit, press in again.pressed:
        number = survey.invitation.id
        queues |= again.apply(batch, survey, visit.at, press, signs[number], reminded=number in book.reminded)
    save_routing_batch(ctx, session, batch)
    queues |= batch.queues
    return {one[0].invitation.id: True for one in first} | again.confirmed


def _apply_first_submission(ctx: Context, session: Session, survey: LockedInvitation, *, reminded: bool) -> set[str]:
    """What a first answer means for what was begun before it; the queues with new work."""
    number = survey.invitation.id
    if reminded:
        cancel_reminders(ctx, session, number, CancelCode.ANSWERED)
    if not survey.is_recovery_survey:
        return set()
    response = session.execute(select(ResponseRow).where(col(ResponseRow.invitation_id) == number)).scalar_one()
    return record_recovery(ctx, session, response)


class _RepeatSubmissions:
    """Presses of surveys that were answered before: read for all of them at once, the new revisions written first.

    Attributes:
        pressed: the presses.
        planned: what the answers have led to so far.
        confirmed: by survey invitation, whether the answer is confirmed now; filled in by `decide_recovery_survey`.
    """

    def __init__(self, ctx: Context, session: Session, pressed: Sequence[InvitationSubmission]) -> None:
        self._ctx, self._session, self.pressed = ctx, session, pressed
        self.planned: dict[int, list[DeliveryRow]] = {}
        self.confirmed: dict[int, bool] = {}
        if not pressed:
            return
        standings = [one[0].invitation for one in pressed]
        people = select(ContactRow).where(col(ContactRow.id).in_([one.contact_id for one in standings]))
        self._contacts = {row.id or 0: row for row in session.execute(people).scalars()}
        answers = select(ResponseRow).where(col(ResponseRow.invitation_id).in_([one.id for one in standings]))
        self._responses = {row.invitation_id: row for row in session.execute(answers).scalars()}
        self._new = self._revise()
        ids = [row.id or 0 for row in self._responses.values()]
        self.planned = load_planned_deliveries(session, ids)
        self._cases = self._with_cases(ids)
        preload_responses(session, self._contacts)

    def apply(
        self,
        batch: RoutingBatch,
        survey: LockedInvitation,
        at: datetime,
        press: Submission,
        signs: tuple[BotSignal, ...],
        *,
        reminded: bool,
    ) -> set[str]:
        """Draw the consequences of one press; the queues with new work, besides those of the batch."""
        ctx, session, number = self._ctx, self._session, survey.invitation.id
        response, contact = self._responses[number], self._contacts[survey.invitation.contact_id]
        self.confirmed[number] = "contradiction" not in signs
        if not self.confirmed[number]:
            mark_conflicting(session, response, at)
            return set()
        conflicting = response.conflicting_at is not None
        queues = resolve_conflict(session, response) if conflicting else set()
        if number not in self._new and not conflicting and not press.is_final:
            return queues
        if reminded:
            cancel_reminders(ctx, session, number, CancelCode.ANSWERED)
        answered = load_contact_response(session, response, contact)
        route_response(ctx, session, batch, response, answered, contact, sent=press.is_final)
        return queues | record_recovery(ctx, session, response) if number in self._cases else queues

    def _revise(self) -> set[int]:
        """Write new revisions where anything differs; the survey invitations of those."""
        written: dict[int, dict[str, Any]] = {}
        for survey, visit, press in self.pressed:
            response = self._responses[survey.invitation.id]
            if self._changed(response, press, visit.at):
                written[survey.invitation.id] = revision_columns(response, sent=press.is_final)
        self._session.flush()
        insert_many(self._session, RevisionRow, list(written.values()))
        return set(written)

    def _changed(self, row: ResponseRow, press: Submission, at: datetime) -> bool:
        """Put a press into its answer; false for a repeated one."""
        kept = press.comment or row.comment
        follow_up = merge_follow_up_answers(self._ctx, row.survey, press.score, press.follow_up, row.follow_up)
        now = (press.score, kept, press.do_not_contact, follow_up)
        if (row.score, row.comment, row.do_not_contact, row.follow_up) == now:
            return False
        row.revision += 1
        row.score, row.comment, row.do_not_contact, row.follow_up = now
        row.language, row.answered_at = press.language, at
        return True

    def _with_cases(self, response_ids: Sequence[int]) -> set[int]:
        """The survey invitations whose answer, or whose follow-up, a case is about."""
        numbers = {row.id: number for number, row in self._responses.items()}
        query = select(col(CaseRow.follow_up_id), col(CaseRow.response_id)).where(
            or_(col(CaseRow.follow_up_id).in_(self._responses), col(CaseRow.response_id).in_(response_ids))
        )
        found: set[int] = set()
        for follow_up, response in self._session.execute(query):
            found |= {number for number in (follow_up, numbers.get(response)) if number is not None} & set(
                numbers.values()
            )
        return found
