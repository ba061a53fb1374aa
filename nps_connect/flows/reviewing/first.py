"""First answers: the review invitations of many answers that have none yet, planned together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

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
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.responses import AnsweredContact
from nps_connect.rules.routing import PlannedAction


class First(NamedTuple):
    """An answer in its first revision.

    Attributes:
        response: as it is stored.
        answered: the same as a record, with the person.
        contact: the person.
        planned: the invitations that the routes lead to, one per platform.
    """

    response: ResponseRow
    answered: AnsweredContact
    contact: ContactRow
    planned: Sequence[PlannedAction]


class _Wish(NamedTuple):
    """An invitation that is to be planned, if its places are free."""

    first: First
    offer: PlannedAction
    due: datetime
    places: Sequence[Ask]


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
            (one.response.id or 0, one.response.contact_id, one.answered.response.segment, platforms(ctx, one.response))
            for one in firsts
        ],
    )
    asking = [one for one in firsts if one.planned]
    if not asking:
        return set()
    people = _subjects(session, [one.contact for one in asking])
    known = asks.known(session, {subject for names in people.values() for subject in names})
    wishes: list[_Wish] = []
    for one in asking:
        names = people[one.contact.id or 0]
        others = [ask for ask in known if ask.subject in names and ask.response_id != one.response.id]
        offers = reachable_of(ctx, session, one.response, one.contact, {offer.via: offer for offer in one.planned})
        try:
            chosen = choose(ctx, one.answered, offers, others)
        except Declined as declined:
            new.append(_declined(ctx, one, next(iter(offers.values())), str(declined)))
            continue
        due = open_from(ctx, one.contact, ctx.clock() + chosen.delay)
        until = due + ctx.settings.reviews.cooldown
        places = asks.places(names, chosen.via, response_id=one.response.id or 0, until=until)
        wishes.append(_Wish(one, chosen, due, places))
    return _reserved(ctx, session, wishes, new)


def _reserved(ctx: Context, session: Session, wishes: Sequence[_Wish], new: list[dict[str, Any]]) -> set[str]:
    """Take all places in one statement; where any is taken already, or wanted twice, one after the other."""
    wanted = [place for wish in wishes for place in wish.places]
    apart = len({place[:2] for place in wanted}) == len(wanted)
    together = apart and reserve_all(ctx, session, wanted)
    lanes: set[str] = set()
    for wish in wishes:
        if together or reserve_all(ctx, session, wish.places):
            new.append(_scheduled(ctx, wish))
            lanes.add(new[-1]["lane"])
        else:
            new.append(_declined(ctx, wish.first, wish.offer, AT_THIS_MOMENT))
    return lanes


def _subjects(session: Session, contacts: Collection[ContactRow]) -> dict[int, list[str]]:
    """The subjects of each person; only where somebody was merged into them these are looked for one by one."""
    numbers = [contact.id for contact in contacts]
    query = select(col(ContactRow.merged_into)).where(col(ContactRow.merged_into).in_(numbers))
    merged = set(session.execute(query).scalars())
    return {
        contact.id or 0: subjects(session, contact)
        if contact.id in merged
        else subjects_of(contact.id or 0, contact.mailbox)
        for contact in contacts
    }


def _scheduled(ctx: Context, wish: _Wish) -> dict[str, Any]:
    columns = columns_of(ctx, wish.first.response, wish.offer, ctx.clock())
    columns["options"] |= {**options_of(wish.offer), "first_due": wish.due.isoformat()}
    held = {"state": "held", "hold": SHADOW_HOLD} if ctx.shadow else {"state": "pending", "hold": None}
    return {**columns, **held, "due_at": wish.due, "last_error": None, "finished_at": None}


def _declined(ctx: Context, first: First, offer: PlannedAction, reason: str) -> dict[str, Any]:
    """The no is written down like a yes."""
    columns = columns_of(ctx, first.response, offer, ctx.clock())
    columns["options"] |= {"declined": True}
    return {**columns, "state": "cancelled", "hold": None, "last_error": reason, "finished_at": ctx.clock()}
