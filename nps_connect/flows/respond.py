"""Respond: what the survey page shows and takes. Opening confirms nothing; only a press does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.answers import answered_contact, is_confirmed
from nps_connect.flows.contest import contest, settle_contest
from nps_connect.flows.context import Context
from nps_connect.flows.follow_ups import kept_answers
from nps_connect.flows.pages import is_open, survey_of, test_of, unknown
from nps_connect.flows.recovery import note_recovery
from nps_connect.flows.remind import cancel_reminders
from nps_connect.flows.review import note_shown
from nps_connect.flows.route import route_response
from nps_connect.flows.visits import note_visit
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow, RevisionRow
from nps_connect.records.pages import SurveyPage, VisitInfo
from nps_connect.rules.machines import Sign, write


@dataclass(frozen=True)
class Pressed:
    """What somebody pressed on the page.

    Attributes:
        score: 0 to 10.
        comment: none or empty keeps what was written before.
        sent: the Send button was pressed, not just a score: nothing settles any longer.
        do_not_contact: asked not to be contacted about the answer.
        language: of the page.
        follow_up: answers to further questions, by their names; empty ones keep what was answered before.
    """

    score: int
    comment: str | None
    sent: bool
    do_not_contact: bool
    language: str
    follow_up: Mapping[str, str]


def survey_page(ctx: Context, token: str, visit: VisitInfo) -> SurveyPage:
    """Show the page; notes the visit and, for a preselected score, a provisional answer. Confirms nothing."""
    invitation_id = ctx.links.read_survey(token)
    if invitation_id is None:
        return _test_or_unknown(ctx, token, visit, None)
    with ctx.ledger.write() as session:
        found = _find(session, invitation_id)
        if found is None:
            return unknown(ctx)
        invitation, contact, response = found
        signs = note_visit(session, invitation, visit)
        if visit.score is not None and visit.method == "GET" and is_open(invitation, visit.at):
            response = response or _new_response(ctx, session, invitation, contact)
            _note_provisional(response, visit, signs)
        if visit.method == "GET" and response is not None and is_confirmed(response) and is_open(invitation, visit.at):
            note_shown(ctx, session, response, contact)
        return survey_of(ctx, session, token, invitation, contact, response, at=visit.at, language=visit.language)


def answer(ctx: Context, token: str, pressed: Pressed, visit: VisitInfo) -> SurveyPage:
    """Take a pressed score: a new revision, and its deliveries in the same transaction. A repeated press adds nothing.

    Two different scores within seconds are no person's answer: it becomes provisional again, and what it has led to
    waits for the next press.

    Raises:
        ValueError: the score is not an integer from 0 to 10.
    """
    if type(pressed.score) is not int or not 0 <= pressed.score <= 10:
        raise ValueError("a score is an integer from 0 to 10")
    invitation_id = ctx.links.read_survey(token)
    if invitation_id is None:
        return _test_or_unknown(ctx, token, visit, pressed.score)
    lanes: set[str] = set()
    with ctx.ledger.write() as session:
        found = _find(session, invitation_id, lock=True)
        if found is None:
            return unknown(ctx)
        invitation, contact, response = found
        signs = note_visit(session, invitation, visit.model_copy(update={"score": pressed.score}))
        if is_open(invitation, visit.at):
            response = response or _new_response(ctx, session, invitation, contact)
            new = _revise(ctx, session, response, pressed, visit.at)
            lanes = _consequences(ctx, session, response, contact, pressed, visit.at, signs, new=new)
        page = survey_of(ctx, session, token, invitation, contact, response, at=visit.at, language=visit.language)
    for lane in lanes:
        ctx.wake(lane)
    return page


def _consequences(
    ctx: Context,
    session: Session,
    response: ResponseRow,
    contact: ContactRow,
    pressed: Pressed,
    at: datetime,
    signs: tuple[Sign, ...],
    *,
    new: bool,
) -> set[str]:
    if "contradiction" in signs:
        contest(session, response, at)
        return set()
    contested = response.contested_at is not None
    lanes = settle_contest(session, response) if contested else set()
    if new or contested or pressed.sent:
        cancel_reminders(ctx, session, response.invitation_id, reason="answered meanwhile")
        answered = answered_contact(session, response, contact)
        lanes |= route_response(ctx, session, response, answered, sent=pressed.sent)
        lanes |= note_recovery(ctx, session, response)
    return lanes


def _revise(ctx: Context, session: Session, row: ResponseRow, pressed: Pressed, at: datetime) -> bool:
    """Write a new revision if anything differs; false for a repeated press."""
    kept = pressed.comment or row.comment
    follow_up = kept_answers(ctx, row.survey, pressed.score, pressed.follow_up, row.follow_up)
    now = (pressed.score, kept, pressed.do_not_contact, follow_up)
    if row.revision and (row.score, row.comment, row.do_not_contact, row.follow_up) == now:
        return False
    row.revision += 1
    row.score, row.comment, row.do_not_contact, row.follow_up = now
    row.language, row.answered_at = pressed.language, at
    session.flush()
    session.add(
        RevisionRow(
            response_id=row.id or 0,
            revision=row.revision,
            score=pressed.score,
            comment=kept,
            language=pressed.language,
            do_not_contact=pressed.do_not_contact,
            follow_up=follow_up,
            sent=pressed.sent,
            at=at,
        )
    )
    return True


def _note_provisional(response: ResponseRow, visit: VisitInfo, signs: tuple[Sign, ...]) -> None:
    if response.revision == 0:
        response.provisional_score, response.provisional_at = visit.score, visit.at
        response.provisional_signs = write(signs)


def _find(
    session: Session, invitation_id: int, *, lock: bool = False
) -> tuple[InvitationRow, ContactRow, ResponseRow | None] | None:
    query = (
        select(InvitationRow, ContactRow, ResponseRow)
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
        .where(col(InvitationRow.id) == invitation_id, col(ContactRow.erased_at).is_(None))
    )
    if lock:  # in a statement of its own: what is joined to a row that is waited for would be as it was before
        mine = select(col(InvitationRow.id)).where(col(InvitationRow.id) == invitation_id)
        session.execute(mine.with_for_update())
    found = session.execute(query).first()
    return (found[0], found[1], found[2]) if found else None


def _new_response(ctx: Context, session: Session, invitation: InvitationRow, contact: ContactRow) -> ResponseRow:
    row = ResponseRow(
        public_id=f"r-{ctx.token()[:24]}",
        invitation_id=invitation.id or 0,
        contact_id=contact.id or 0,
        survey=invitation.survey,
        touchpoint=invitation.touchpoint,
        language=invitation.language,
    )
    session.add(row)
    session.flush()
    return row


def _test_or_unknown(ctx: Context, token: str, visit: VisitInfo, score: int | None) -> SurveyPage:
    link = ctx.links.read_test(token)
    return unknown(ctx) if link is None else test_of(ctx, token, link, score=score, language=visit.language)
