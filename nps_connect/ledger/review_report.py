"""Figures of review invitations: events of each review link, and contacts counted once per platform and segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import CheckConstraint, Index, delete, func, select, update
from sqlmodel import Field, Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import Base, BigId, insert_for
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import Segment

ReviewLinkEvent = Literal["shown", "sent", "opened", "bot_opened"]
TALLY_KEY = ("platform", "segment", "contact_id")
REVIEW_LINK_EVENTS: tuple[ReviewLinkEvent, ...] = ("shown", "sent", "opened", "bot_opened")

SEGMENTS = "segment IN ('promoter', 'passive', 'detractor')"


class ReviewLinkStateRow(Base, table=True):
    """What happened to the review link of one response on one platform.

    Written in the transaction of each step; times are in `deliveries` and `page_views`.

    Attributes:
        segment: of the newest revision.
        shown: the thank-you page with the link was shown.
        sent: the link was sent by mail.
        opened: the link was opened without bot signals.
        bot_opened: the link was opened with bot signals.
    """

    __tablename__ = "review_link_states"
    __table_args__ = (CheckConstraint(SEGMENTS, name="segment"),)

    response_id: int = Field(primary_key=True, foreign_key="responses.id", sa_type=BigId)
    platform: str = Field(primary_key=True, max_length=40)
    contact_id: int = Field(foreign_key="contacts.id", sa_type=BigId, index=True)
    segment: str = Field(max_length=10)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False


class ReviewTallyRow(Base, table=True):
    """The link states of one contact on one platform in one segment, counted once; the review report adds them up."""

    __tablename__ = "review_tallies"
    __table_args__ = (
        CheckConstraint(SEGMENTS, name="segment"),
        Index("ix_review_tallies_report", "platform", "segment", "shown", "sent", "opened", "bot_opened"),
    )

    platform: str = Field(primary_key=True, max_length=40)
    segment: str = Field(primary_key=True, max_length=10)
    contact_id: int = Field(primary_key=True, foreign_key="contacts.id", sa_type=BigId)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False


_SELECT_LINK_STATES = (
    select(ReviewLinkStateRow).where(in_list(col(ReviewLinkStateRow.response_id), "ids")).with_for_update()
)


@dataclass(frozen=True)
class ReviewCounts:
    """Numbers of contacts in one segment, each counted once per platform.

    Attributes:
        platform: the connection.
        segment: segment of the responses.
        responded: gave a confirmed response that a route to this platform matches.
        shown: saw the link on the thank-you page.
        sent: got the link by mail.
        opened: opened the link, without bot signals.
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


def record_responses(
    session: Session, responses: Sequence[tuple[int, int, Segment, Sequence[str]]], changed: Sequence[int]
) -> None:
    """Count responses under their segments, each once per platform; a changed response moves to its new segment.

    The caller holds the locks of the responses, so that no response is moved twice at a time.

    Args:
        session: the transaction of the responses.
        responses: id, contact id, segment and platforms of each.
        changed: the ids of those that have an earlier revision.
    """
    segment_by_id: dict[int, Segment] = {}
    states: list[dict[str, Any]] = []
    tallies: dict[tuple[str, Segment, int], dict[str, Any]] = {}
    unmarked: dict[str, Any] = dict.fromkeys(REVIEW_LINK_EVENTS, False)
    for response_id, contact_id, segment, platforms in responses:
        segment_by_id[response_id] = segment
        for platform in platforms:
            tally = {"platform": platform, "segment": segment, "contact_id": contact_id, **unmarked}
            tallies[platform, segment, contact_id] = tally
            states.append({"response_id": response_id, **tally})
    stored = list(session.execute(_SELECT_LINK_STATES, {"ids": changed}).scalars()) if changed else []
    insert_many(session, ReviewLinkStateRow, states, skip_existing=("response_id", "platform"))
    # Sorted: concurrent transactions lock the rows of one contact in the same order.
    rows = list(map(tallies.__getitem__, sorted(tallies)))
    insert_many(session, ReviewTallyRow, rows, skip_existing=TALLY_KEY)
    for state in stored:
        previous, state.segment = state.segment, segment_by_id[state.response_id]
        if state.segment != previous:
            session.flush()
            for segment in (previous, state.segment):
                _recompute_tally(session, state.platform, segment, state.contact_id)


def record_review_link_event(session: Session, response_id: int, platform: str, event: ReviewLinkEvent) -> None:
    """Record an event of the review link of a response; idempotent."""
    first = session.execute(
        update(ReviewLinkStateRow)
        .where(
            col(ReviewLinkStateRow.response_id) == response_id,
            col(ReviewLinkStateRow.platform) == platform,
            col(getattr(ReviewLinkStateRow, event)).is_(False),
        )
        .values(**{event: True})
        .returning(col(ReviewLinkStateRow.segment), col(ReviewLinkStateRow.contact_id))
        .execution_options(synchronize_session=False)
    ).first()
    if first is not None:
        _upsert_tally(session, platform, first[0], first[1], event)


def load_review_counts(session: Session) -> list[ReviewCounts]:
    """Return all counts by platform and segment, in one scan of an index."""
    group = col(ReviewTallyRow.platform), col(ReviewTallyRow.segment)
    counts = [func.count().filter(col(getattr(ReviewTallyRow, event)).is_(True)) for event in REVIEW_LINK_EVENTS]
    rows = session.execute(select(*group, func.count(), *counts).group_by(*group).order_by(*group))
    return [ReviewCounts(*row) for row in rows]


def _upsert_tally(session: Session, platform: str, segment: str, contact_id: int, *events: ReviewLinkEvent) -> None:
    """Count a contact, and the events of its link, once."""
    marks: dict[str, Any] = {event: event in events for event in REVIEW_LINK_EVENTS}
    row = {"platform": platform, "segment": segment, "contact_id": contact_id, **marks}
    if not events:
        insert_many(session, ReviewTallyRow, [row], skip_existing=TALLY_KEY)
        return
    statement = insert_for(session, ReviewTallyRow).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=TALLY_KEY, set_=dict.fromkeys(events, True)))


def _recompute_tally(session: Session, platform: str, segment: str, contact_id: int) -> None:
    """Count a contact anew from all its responses in a segment."""
    key = {"platform": platform, "segment": segment, "contact_id": contact_id}
    tally = [col(getattr(ReviewTallyRow, name)) == value for name, value in key.items()]
    session.execute(delete(ReviewTallyRow).where(*tally).execution_options(synchronize_session=False))
    same_tally = [col(getattr(ReviewLinkStateRow, name)) == value for name, value in key.items()]
    for state in session.execute(select(ReviewLinkStateRow).where(*same_tally)).scalars():
        events = [event for event in REVIEW_LINK_EVENTS if getattr(state, event)]
        _upsert_tally(session, platform, segment, contact_id, *events)
