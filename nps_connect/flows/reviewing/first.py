"""First answers: the review invitations of many answers that have none yet, planned together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.flows.answers import AnswerColumns
from nps_connect.flows.context import Context
from nps_connect.flows.review import platforms
from nps_connect.flows.reviewing.choosing import Declined, choose, reserve_all, subjects
from nps_connect.flows.reviewing.inviting import (
    AT_THIS_MOMENT,
    SHADOW_HOLD,
    columns_of,
    options_of,
    reachable_of,
)
from nps_connect.flows.reviewing.waiting import open_from
from nps_connect.ledger import accounts, asks
from nps_connect.ledger.asks import Ask
from nps_connect.ledger.subjects import subjects_of
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import Response
from nps_connect.rules.routing import PlannedAction


class First(NamedTuple):
    """An answer in its first revision.

    Attributes:
        answer: as it is stored.
        response: the same as a record.
        contact: the person.
        mailbox: hash of the person's mailbox.
        merged: somebody was merged into the person.
        planned: the invitations that the routes lead to, one per platform.
    """

    answer: AnswerColumns
    response: Response
    contact: Contact
    mailbox: str | None
    merged: bool
    planned: Sequence[PlannedAction]


class _Wish(NamedTuple):
    """An invitation that is to be planned, if its places are free; else why there is none."""

    first: First
    offer: PlannedAction
    due: datetime
    places: Sequence[Ask]
    declined: str | None = None


def invite_first(ctx: Context, session: Session, firsts: Sequence[First], new: list[dict[str, Any]]) -> set[str]:
    """See to it that at most one review mail is planned for each answer; returns the lanes that have new work.

    Args:
        ctx: the joined parts.
        session: the answers' transaction.
        firsts: the answers, none of which has a review mail.
        new: deliveries that are to be inserted are added.
    """
    accounts.note_first(
        session,
        [
            (one.answer.id or 0, one.answer.contact_id, one.response.segment, platforms(ctx, one.response))
            for one in firsts
        ],
    )
    asking = [one for one in firsts if one.planned]
    people = {one.answer.contact_id: _subjects(session, one) for one in asking}
    wishes = _together(ctx, session, asking, people) or _one_by_one(ctx, session, asking, people)
    rows = [_scheduled(ctx, wish) if wish.declined is None else _declined(ctx, wish) for wish in wishes]
    new += rows
    return {row["lane"] for row in rows if row["state"] != "cancelled"}


def _together(
    ctx: Context, session: Session, asking: Sequence[First], people: Mapping[int, Sequence[str]]
) -> list[_Wish]:
    """All places taken in one statement; none where any is taken already, or wanted twice, or where there is a choice.

    With one offer each, free places are all that there is to know of what other answers have led to.
    """
    if not asking or ctx.shadow or any(len(one.planned) > 1 for one in asking):
        return []
    wishes = [_wish(ctx, session, one, people[one.answer.contact_id], ()) for one in asking]
    wanted = [place for wish in wishes for place in wish.places]
    apart = len({place[:2] for place in wanted}) == len(wanted)
    return wishes if apart and reserve_all(ctx, session, wanted) else []


def _one_by_one(
    ctx: Context, session: Session, asking: Sequence[First], people: Mapping[int, Sequence[str]]
) -> Iterator[_Wish]:
    """Each with what other answers of the person have led to, and with its own places."""
    known = asks.known(session, {subject for names in people.values() for subject in names}) if asking else []
    for one in asking:
        names = people[one.answer.contact_id]
        others = [ask for ask in known if ask.subject in names and ask.response_id != one.answer.id]
        wish = _wish(ctx, session, one, names, others)
        if wish.declined is None and not reserve_all(ctx, session, wish.places):
            wish = wish._replace(declined=AT_THIS_MOMENT)
        yield wish


def _wish(ctx: Context, session: Session, one: First, names: Sequence[str], others: Sequence[Ask]) -> _Wish:
    now, answer = ctx.clock(), one.answer
    offers = reachable_of(
        ctx, session, one.response, one.contact, answer.invitation_id, {offer.via: offer for offer in one.planned}
    )
    try:
        chosen = choose(ctx, one.contact, one.response, offers, others)
    except Declined as declined:
        return _Wish(one, next(iter(offers.values())), now, (), str(declined))
    due = open_from(ctx, one.contact, now + chosen.delay)
    until = due + ctx.settings.reviews.cooldown
    return _Wish(one, chosen, due, asks.places(names, chosen.via, response_id=answer.id or 0, until=until))


def _subjects(session: Session, one: First) -> list[str]:
    """The subjects of a person; only where somebody was merged into them these are looked for."""
    contact = session.get(ContactRow, one.answer.contact_id) if one.merged else None
    return subjects_of(one.answer.contact_id, one.mailbox) if contact is None else subjects(session, contact)


def _scheduled(ctx: Context, wish: _Wish) -> dict[str, Any]:
    columns = columns_of(ctx, wish.first.answer, wish.offer, ctx.clock())
    columns["options"] |= {**options_of(wish.offer), "first_due": wish.due.isoformat()}
    held = {"state": "held", "hold": SHADOW_HOLD} if ctx.shadow else {"state": "pending", "hold": None}
    return {**columns, **held, "due_at": wish.due}


def _declined(ctx: Context, wish: _Wish) -> dict[str, Any]:
    """The no is written down like a yes."""
    columns = columns_of(ctx, wish.first.answer, wish.offer, wish.due)
    columns["options"] |= {"declined": True}
    return {**columns, "state": "cancelled", "last_error": wish.declined, "finished_at": wish.due}
