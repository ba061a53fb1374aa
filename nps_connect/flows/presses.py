"""Presses: confirmed answers of several surveys at once, each with its revision and its deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select
from sqlmodel import Session, col

from nps_connect.flows.answers import answered_contact
from nps_connect.flows.contest import contest, settle_contest
from nps_connect.flows.context import Context
from nps_connect.flows.follow_ups import kept_answers
from nps_connect.flows.openings import begun
from nps_connect.flows.people import foresee_answers
from nps_connect.flows.recovery import note_recovery
from nps_connect.flows.remind import cancel_reminders
from nps_connect.flows.route import Batch, planned_for, route_response, write_down
from nps_connect.flows.standings import Standing
from nps_connect.flows.visits import VisitBook
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, ResponseRow, RevisionRow
from nps_connect.records.pages import Press, VisitInfo
from nps_connect.rules.machines import Sign

Pressed = tuple[Standing, VisitInfo, Press]


def take_presses(
    ctx: Context, session: Session, book: VisitBook, pressed: Sequence[Pressed], lanes: set[str]
) -> dict[int, bool]:
    """Take presses in the transaction that holds their surveys' locks, one of each survey.

    Args:
        ctx: the joined parts.
        session: the transaction.
        book: of visits; the presses are noted in it.
        pressed: where each survey stands, and what was pressed there.
        lanes: those with new work are added.

    Returns:
        By survey invitation, for those that take answers: whether the answer is confirmed now.
    """
    signs = {standing.id: book.note(standing.id, visit, press.score) for standing, visit, press in pressed}
    taken = [one for one in pressed if one[0].is_open(one[1].at)]
    if not taken:
        return {}
    presses = _Presses(ctx, session, taken)
    confirmed = {}
    for standing, visit, press in taken:
        presses.follow(standing, visit, press, signs[standing.id], lanes, reminded=standing.id in book.reminded)
        confirmed[standing.id] = presses.responses[standing.id].contested_at is None
    write_down(ctx, session, presses.batch)
    lanes |= presses.batch.lanes
    return confirmed


class _Presses:
    """What is known of the people and answers, read for all presses at once; the new revisions are written first."""

    def __init__(self, ctx: Context, session: Session, taken: Sequence[Pressed]) -> None:
        self._ctx, self._session = ctx, session
        self._contacts = self._read_contacts([standing.contact_id for standing, _, _ in taken])
        self.responses = self._read_responses([one[0] for one in taken])
        earlier = [row.id or 0 for row in self.responses.values() if row.revision]
        self._new = self._revise(taken)
        self.batch = Batch(planned_for(session, earlier))
        self._cases = self._with_cases(earlier)
        foresee_answers(session, self._contacts)

    def follow(
        self,
        standing: Standing,
        visit: VisitInfo,
        press: Press,
        signs: tuple[Sign, ...],
        lanes: set[str],
        *,
        reminded: bool,
    ) -> None:
        """Draw the consequences of one press; the lanes with new work are added."""
        ctx, session, response = self._ctx, self._session, self.responses[standing.id]
        if "contradiction" in signs:
            contest(session, response, visit.at)
            return
        contested = response.contested_at is not None
        if contested:
            lanes |= settle_contest(session, response)
        if standing.id not in self._new and not contested and not press.sent:
            return
        if reminded:
            cancel_reminders(ctx, session, standing.id, reason="answered meanwhile")
        answered = answered_contact(session, response, self._contacts[standing.contact_id])
        contact = self._contacts[standing.contact_id]
        route_response(ctx, session, self.batch, response, answered, contact, sent=press.sent)
        if standing.id in self._cases:
            lanes |= note_recovery(ctx, session, response)

    def _read_contacts(self, ids: Sequence[int]) -> dict[int, ContactRow]:
        rows = self._session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars()
        return {row.id or 0: row for row in rows}

    def _read_responses(self, standings: Sequence[Standing]) -> dict[int, ResponseRow]:
        """The answers so far, by survey invitation; where there was none yet, a new one is begun."""
        known = {one.id for one in standings if one.response_id is not None}
        found = self._stored(known) if known else {}
        fresh = [one for one in standings if one.id not in found]
        if fresh:
            rows = [begun(self._ctx, one) for one in fresh]
            self._session.connection().execute(insert(ResponseRow.__table__), rows)  # type: ignore[attr-defined]
            found |= self._stored({one.id for one in fresh})
        return found

    def _stored(self, numbers: Collection[int]) -> dict[int, ResponseRow]:
        query = select(ResponseRow).where(col(ResponseRow.invitation_id).in_(numbers))
        return {row.invitation_id: row for row in self._session.execute(query).scalars()}

    def _revise(self, taken: Sequence[Pressed]) -> set[int]:
        """Write new revisions where anything differs; the survey invitations of those."""
        written: dict[int, dict[str, Any]] = {}
        for standing, visit, press in taken:
            values = self._revision(self.responses[standing.id], press, visit.at)
            if values is not None:
                written[standing.id] = values
        self._session.flush()
        if written:
            rows = [{"response_id": self.responses[number].id, **values} for number, values in written.items()]
            self._session.connection().execute(insert(RevisionRow.__table__), rows)  # type: ignore[attr-defined]
        return set(written)

    def _revision(self, row: ResponseRow, press: Press, at: datetime) -> dict[str, Any] | None:
        """What a new revision holds, also put into the answer itself; none for a repeated press."""
        kept = press.comment or row.comment
        follow_up = kept_answers(self._ctx, row.survey, press.score, press.follow_up, row.follow_up)
        now = (press.score, kept, press.do_not_contact, follow_up)
        if row.revision and (row.score, row.comment, row.do_not_contact, row.follow_up) == now:
            return None
        row.revision += 1
        row.score, row.comment, row.do_not_contact, row.follow_up = now
        row.language, row.answered_at = press.language, at
        return {
            "revision": row.revision,
            "score": press.score,
            "comment": kept,
            "language": press.language,
            "do_not_contact": press.do_not_contact,
            "follow_up": follow_up,
            "sent": press.sent,
            "at": at,
        }

    def _with_cases(self, earlier: Sequence[int]) -> set[int]:
        """The survey invitations whose answer, or whose follow-up, a case is about."""
        numbers = {row.id: number for number, row in self.responses.items()}
        query = select(col(CaseRow.follow_up_id), col(CaseRow.response_id)).where(
            or_(col(CaseRow.follow_up_id).in_(self.responses), col(CaseRow.response_id).in_(earlier))
        )
        found: set[int] = set()
        for follow_up, response in self._session.execute(query):
            found |= {number for number in (follow_up, numbers.get(response)) if number in self.responses}
        return found
