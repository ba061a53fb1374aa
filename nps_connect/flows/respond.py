"""Respond: what the survey page shows and takes. Opening confirms nothing; only a press does."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.answers import answered_contact, as_response
from nps_connect.flows.context import Context
from nps_connect.flows.links import ReviewLink, UnsubscribeLink
from nps_connect.flows.people import as_contact
from nps_connect.flows.review import destinations
from nps_connect.flows.route import route_response
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow, RevisionRow, VisitRow
from nps_connect.records.pages import SurveyPage, VisitInfo

OPEN_STATES = ("planned", "sent")


def survey_page(ctx: Context, token: str, visit: VisitInfo) -> SurveyPage:
    """Show the page; notes the visit and, for a preselected score, a provisional answer. Confirms nothing."""
    invitation_id = ctx.links.read_survey(token)
    if invitation_id is None:
        return _unknown(ctx)
    with ctx.ledger.write() as session:
        found = _find(session, invitation_id)
        if found is None:
            return _unknown(ctx)
        invitation, contact = found
        session.add(_visit_row(invitation_id, visit))
        response = _response_of(session, invitation_id)
        if visit.score is not None and visit.method == "GET" and _is_open(invitation, visit.at):
            response = response or _new_response(ctx, session, invitation, contact)
            if response.revision == 0:
                response.provisional_score, response.provisional_at = visit.score, visit.at
        return _page(ctx, token, invitation, contact, response, visit.at)


def answer(
    ctx: Context,
    token: str,
    score: int,
    comment: str | None,
    *,
    sent: bool,
    do_not_contact: bool,
    language: str,
    visit: VisitInfo,
) -> SurveyPage:
    """Take a pressed score: a new revision, and its deliveries in the same transaction. A repeated press adds nothing.

    Args:
        ctx: the joined parts.
        token: the personal link's token.
        score: 0 to 10.
        comment: none or empty keeps what was written before.
        sent: the Send button was pressed, not just a score: nothing settles any longer.
        do_not_contact: asked not to be contacted about the answer.
        language: of the page.
        visit: who pressed, and when.

    Raises:
        ValueError: the score is not an integer from 0 to 10.
    """
    if type(score) is not int or not 0 <= score <= 10:
        raise ValueError("a score is an integer from 0 to 10")
    invitation_id = ctx.links.read_survey(token)
    if invitation_id is None:
        return _unknown(ctx)
    lanes: set[str] = set()
    with ctx.ledger.write() as session:
        found = _find(session, invitation_id, lock=True)
        if found is None:
            return _unknown(ctx)
        invitation, contact = found
        session.add(_visit_row(invitation_id, visit))
        response = _response_of(session, invitation_id)
        if _is_open(invitation, visit.at):
            response = response or _new_response(ctx, session, invitation, contact)
            new = _revise(
                session, response, score, comment, sent=sent, no_contact=do_not_contact, language=language, at=visit.at
            )
            if new or sent:
                answered = answered_contact(session, response, contact)
                lanes = route_response(ctx, session, response, answered, sent=sent)
        page = _page(ctx, token, invitation, contact, response, visit.at)
    for lane in lanes:
        ctx.wake(lane)
    return page


def _revise(
    session: Session,
    row: ResponseRow,
    score: int,
    comment: str | None,
    *,
    sent: bool,
    no_contact: bool,
    language: str,
    at: datetime,
) -> bool:
    """Write a new revision if anything differs; false for a repeated press."""
    kept = comment or row.comment
    if row.revision and (row.score, row.comment, row.do_not_contact) == (score, kept, no_contact):
        return False
    row.revision += 1
    row.score, row.comment, row.do_not_contact, row.language, row.answered_at = score, kept, no_contact, language, at
    session.flush()
    session.add(
        RevisionRow(
            response_id=row.id or 0,
            revision=row.revision,
            score=score,
            comment=kept,
            language=language,
            do_not_contact=no_contact,
            sent=sent,
            at=at,
        )
    )
    return True


def _find(session: Session, invitation_id: int, *, lock: bool = False) -> tuple[InvitationRow, ContactRow] | None:
    query = (
        select(InvitationRow, ContactRow)
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .where(col(InvitationRow.id) == invitation_id, col(ContactRow.erased_at).is_(None))
    )
    if lock:
        query = query.with_for_update(of=InvitationRow)
    found = session.execute(query).first()
    return (found[0], found[1]) if found else None


def _is_open(invitation: InvitationRow, at: datetime) -> bool:
    return invitation.state in OPEN_STATES and at < invitation.expires_at


def _response_of(session: Session, invitation_id: int) -> ResponseRow | None:
    return session.execute(select(ResponseRow).where(col(ResponseRow.invitation_id) == invitation_id)).scalar()


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


def _visit_row(invitation_id: int, visit: VisitInfo) -> VisitRow:
    return VisitRow(
        purpose="survey",
        invitation_id=invitation_id,
        method=visit.method,
        at=visit.at,
        address=visit.address,
        agent=visit.agent,
        score=visit.score,
    )


def _unknown(ctx: Context) -> SurveyPage:
    return SurveyPage(state="unknown", language=ctx.settings.core.language)


def _page(
    ctx: Context,
    token: str,
    invitation: InvitationRow,
    contact: ContactRow,
    response: ResponseRow | None,
    at: datetime,
) -> SurveyPage:
    if invitation.state not in OPEN_STATES:
        return _unknown(ctx)
    language = invitation.language
    link = UnsubscribeLink(contact.id or 0, contact.mailbox or mailbox_hash(""))
    shown = {
        "language": language,
        "help_address": ctx.settings.core.help_address,
        "token": token,
        "unsubscribe_token": ctx.links.unsubscribe(link),
    }
    if at >= invitation.expires_at:
        return SurveyPage(state="expired", **shown)
    survey = ctx.settings.surveys.get(invitation.survey)
    question = survey.question.get(language) if survey else None
    if response is None or response.revision == 0:
        return SurveyPage(state="open", question=question, **shown)
    return SurveyPage(
        state="answered",
        question=question,
        score=response.score,
        commented=response.comment is not None,
        reviews=tuple(
            destination.model_copy(update={"url": _review_address(ctx, response.id or 0, platform)})
            for platform, destination in destinations(ctx, as_contact(contact), as_response(response))
        ),
        **shown,
    )


def _review_address(ctx: Context, response_id: int, platform: str) -> str:
    return ctx.links.address("r", ctx.links.review(ReviewLink(response_id, platform, "page")))
