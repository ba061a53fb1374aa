"""Presses: confirmed answers of several surveys at once, each with its revision and its deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from nps_connect.flows.contacts.people import foresee_answers
from nps_connect.flows.context import Context
from nps_connect.flows.inviting.remind import cancel_reminders
from nps_connect.flows.responding.answers import answered_contact
from nps_connect.flows.responding.contest import ANSWERED, contest, settle_contest
from nps_connect.flows.responding.first_presses import Pressed, revision_of, take_first
from nps_connect.flows.responding.follow_ups import kept_answers
from nps_connect.flows.responding.standings import Locked
from nps_connect.flows.responding.visits import VisitBook
from nps_connect.flows.routing.recovery import note_recovery
from nps_connect.flows.routing.route import Batch, planned_for, route_response, write_down
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import Press
from nps_connect.rules.machines import Sign


def take_presses(
    ctx: Context, session: Session, book: VisitBook, pressed: Sequence[Pressed], lanes: set[str]
) -> dict[int, bool]:
    """Take presses in the transaction that holds their surveys' locks, one of each survey.

    Args:
        ctx: the joined parts.
        session: the transaction.
        book: of visits; the presses are noted in it.
        pressed: the surveys, and what was pressed there.
        lanes: those with new work are added.

    Returns:
        By survey invitation, for those that take answers: whether the answer is confirmed now.
    """
    signs = {one[0].standing.id: book.note(one[0].standing.id, one[1], one[2].score) for one in pressed}
    taken = [one for one in pressed if one[0].standing.is_open(one[1].at)]
    first = [one for one in taken if not one[0].standing.revision]
    again = _Again(ctx, session, [one for one in taken if one[0].standing.revision])
    batch = Batch(again.planned)
    take_first(ctx, session, first, batch)
    for survey, _visit, _press in first:
        lanes |= _look_back(ctx, session, survey, reminded=survey.standing.id in book.reminded)
    for survey, visit, press in again.pressed:
        number = survey.standing.id
        lanes |= again.follow(batch, survey, visit.at, press, signs[number], reminded=number in book.reminded)
    write_down(ctx, session, batch)
    lanes |= batch.lanes
    return {one[0].standing.id: True for one in first} | again.confirmed


def _look_back(ctx: Context, session: Session, survey: Locked, *, reminded: bool) -> set[str]:
    """What a first answer means for what was begun before it; the lanes with new work."""
    number = survey.standing.id
    if reminded:
        cancel_reminders(ctx, session, number, reason=ANSWERED)
    if not survey.asked_again:
        return set()
    response = session.execute(select(ResponseRow).where(col(ResponseRow.invitation_id) == number)).scalar_one()
    return note_recovery(ctx, session, response)


class _Again:
    """Presses of surveys that were answered before: read for all of them at once, the new revisions written first.

    Attributes:
        pressed: the presses.
        planned: what the answers have led to so far.
        confirmed: by survey invitation, whether the answer is confirmed now; filled in by `follow`.
    """

    def __init__(self, ctx: Context, session: Session, pressed: Sequence[Pressed]) -> None:
        self._ctx, self._session, self.pressed = ctx, session, pressed
        self.planned: dict[int, list[DeliveryRow]] = {}
        self.confirmed: dict[int, bool] = {}
        if not pressed:
            return
        standings = [one[0].standing for one in pressed]
        people = select(ContactRow).where(col(ContactRow.id).in_([one.contact_id for one in standings]))
        self._contacts = {row.id or 0: row for row in session.execute(people).scalars()}
        answers = select(ResponseRow).where(col(ResponseRow.invitation_id).in_([one.id for one in standings]))
        self._responses = {row.invitation_id: row for row in session.execute(answers).scalars()}
        self._new = self._revise()
        ids = [row.id or 0 for row in self._responses.values()]
        self.planned = planned_for(session, ids)
        self._cases = self._with_cases(ids)
        foresee_answers(session, self._contacts)

    def follow(
        self, batch: Batch, survey: Locked, at: datetime, press: Press, signs: tuple[Sign, ...], *, reminded: bool
    ) -> set[str]:
        """Draw the consequences of one press; the lanes with new work, besides those of the batch."""
        ctx, session, number = self._ctx, self._session, survey.standing.id
        response, contact = self._responses[number], self._contacts[survey.standing.contact_id]
        self.confirmed[number] = "contradiction" not in signs
        if not self.confirmed[number]:
            contest(session, response, at)
            return set()
        contested = response.contested_at is not None
        lanes = settle_contest(session, response) if contested else set()
        if number not in self._new and not contested and not press.sent:
            return lanes
        if reminded:
            cancel_reminders(ctx, session, number, reason=ANSWERED)
        answered = answered_contact(session, response, contact)
        route_response(ctx, session, batch, response, answered, contact, sent=press.sent)
        return lanes | note_recovery(ctx, session, response) if number in self._cases else lanes

    def _revise(self) -> set[int]:
        """Write new revisions where anything differs; the survey invitations of those."""
        written: dict[int, dict[str, Any]] = {}
        for survey, visit, press in self.pressed:
            response = self._responses[survey.standing.id]
            if self._changed(response, press, visit.at):
                written[survey.standing.id] = revision_of(response, sent=press.sent)
        self._session.flush()
        insert_many(self._session, RevisionRow, list(written.values()))
        return set(written)

    def _changed(self, row: ResponseRow, press: Press, at: datetime) -> bool:
        """Put a press into its answer; false for a repeated one."""
        kept = press.comment or row.comment
        follow_up = kept_answers(self._ctx, row.survey, press.score, press.follow_up, row.follow_up)
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
