"""The accounts of review invitations: what became of each answer on each platform, and people counted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from nps_connect.ledger.review_tables import ReviewLinkStateRow, ReviewTallyRow
from nps_connect.ledger.upserts import insert_for, insert_many
from nps_connect.records.responses import Segment

ReviewLinkEvent = Literal["shown", "sent", "opened", "bot_opened"]
TALLY_KEY = ("platform", "segment", "contact_id")
REVIEW_LINK_EVENTS: tuple[ReviewLinkEvent, ...] = ("shown", "sent", "opened", "bot_opened")


@dataclass(frozen=True)
class ReviewCounts:
    """How many people of one segment, each counted once per platform.

    Attributes:
        platform: the connection.
        segment: of the answers.
        responded: gave a confirmed answer that this platform's routes are about.
        shown: saw the link on the thank-you page.
        sent: got the link by mail.
        opened: opened the link, without signs of a machine.
        bot_opened: have a visit with bot signals, by `HEAD` or within seconds of the mail; some may also be counted
            under `opened`.
    """

    platform: str
    segment: Segment
    responded: int
    shown: int
    sent: int
    opened: int
    bot_opened: int


def record_first_responses(session: Session, answers: Sequence[tuple[int, int, Segment, Sequence[str]]]) -> None:
    """Many first answers have their accounts, one per platform.

    Args:
        session: the answers' transaction.
        answers: of each its id, the contact's id, its segment and its platforms.
    """
    untold = dict.fromkeys(REVIEW_LINK_EVENTS, False)
    told = [
        {"response_id": response_id, "contact_id": contact_id, "segment": segment, "platform": platform, **untold}
        for response_id, contact_id, segment, platforms in answers
        for platform in platforms
    ]
    insert_many(session, ReviewLinkStateRow, told, on_conflict=_ignore_existing)
    people = {(one["platform"], one["segment"], one["contact_id"]) for one in told}
    tallies = [
        dict(zip(TALLY_KEY, person, strict=True)) | untold for person in sorted(people)
    ]  # one order for everybody
    insert_many(session, ReviewTallyRow, tallies, on_conflict=_ignore_existing)


def _ignore_existing(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing()


def record_response_segment(
    session: Session, *, response_id: int, contact_id: int, segment: Segment, platforms: Iterable[str]
) -> None:
    """An answer has its accounts, one per platform; a changed one moves them to its new segment.

    The caller holds the answer's lock, so that one answer is not moved twice at a time.
    """
    known = {
        row.platform: row
        for row in session.execute(
            select(ReviewLinkStateRow).where(col(ReviewLinkStateRow.response_id) == response_id).with_for_update()
        ).scalars()
    }
    for platform in platforms:
        row = known.get(platform)
        if row is None:
            session.add(
                ReviewLinkStateRow(response_id=response_id, platform=platform, contact_id=contact_id, segment=segment)
            )
            session.flush()
            _upsert_tally(session, platform, segment, contact_id)
    for row in known.values():
        if row.segment != segment:
            before, row.segment = row.segment, segment
            session.flush()
            for one in (before, segment):
                _recompute_tallies(session, row.platform, one, row.contact_id)


def record_review_link_event(session: Session, response_id: int, platform: str, what: ReviewLinkEvent) -> None:
    """Note that something happened to an answer's link; once more adds nothing."""
    found = session.execute(
        update(ReviewLinkStateRow)
        .where(
            col(ReviewLinkStateRow.response_id) == response_id,
            col(ReviewLinkStateRow.platform) == platform,
            col(getattr(ReviewLinkStateRow, what)).is_(False),
        )
        .values(**{what: True})
        .returning(col(ReviewLinkStateRow.segment), col(ReviewLinkStateRow.contact_id))
        .execution_options(synchronize_session=False)
    ).first()
    if found is not None:
        _upsert_tally(session, platform, found[0], found[1], what)


def load_review_counts(session: Session) -> list[ReviewCounts]:
    """Everything, by platform and segment; one pass over an index."""
    tallies = col(ReviewTallyRow.platform), col(ReviewTallyRow.segment)
    counts = [func.count().filter(col(getattr(ReviewTallyRow, what)).is_(True)) for what in REVIEW_LINK_EVENTS]
    rows = session.execute(select(*tallies, func.count(), *counts).group_by(*tallies).order_by(*tallies))
    return [ReviewCounts(*row) for row in rows]


def _upsert_tally(session: Session, platform: str, segment: str, contact_id: int, *marks: ReviewLinkEvent) -> None:
    """Count a person, and what happened, once."""
    values = dict.fromkeys(REVIEW_LINK_EVENTS, False) | dict.fromkeys(marks, True)
    statement = insert_for(session, ReviewTallyRow).values(
        platform=platform, segment=segment, contact_id=contact_id, **values
    )
    keys = list(TALLY_KEY)
    session.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=dict.fromkeys(marks, True))
        if marks
        else statement.on_conflict_do_nothing(index_elements=keys)
    )


def _recompute_tallies(session: Session, platform: str, segment: str, contact_id: int) -> None:
    """Count a person anew, from all of their answers in a segment."""
    session.execute(
        delete(ReviewTallyRow)
        .where(
            col(ReviewTallyRow.platform) == platform,
            col(ReviewTallyRow.segment) == segment,
            col(ReviewTallyRow.contact_id) == contact_id,
        )
        .execution_options(synchronize_session=False)
    )
    rows = session.execute(
        select(ReviewLinkStateRow).where(
            col(ReviewLinkStateRow.contact_id) == contact_id,
            col(ReviewLinkStateRow.platform) == platform,
            col(ReviewLinkStateRow.segment) == segment,
        )
    ).scalars()
    for row in rows:
        _upsert_tally(
            session, platform, segment, contact_id, *(what for what in REVIEW_LINK_EVENTS if getattr(row, what))
        )
