"""Where surveys stand: the few facts that showing, noting and answering need, read for many at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, exists, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.review_requests import has_review_request
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.services.invitations.reminders import REMINDER_ACTION as REMINDER

OPEN_STATES = ("planned", "sent")


class InvitationState(NamedTuple):
    """A survey invitation with the person and the answer so far, in plain values.

    Attributes:
        id: of the survey invitation.
        state: of the survey invitation.
        sent_at: when its mail was handed over.
        mailbox: hash of the person's mailbox.
        response_id: of the answer; none = nothing was opened with a score or pressed yet.
        revision: of the answer; 0 = provisional only.
    """

    id: int
    survey: str
    touchpoint: str
    language: str
    state: str
    sent_at: datetime | None
    expires_at: datetime
    contact_id: int
    mailbox: str | None
    response_id: int | None
    revision: int | None
    conflicting_at: datetime | None
    score: int | None
    comment: str | None
    do_not_contact: bool | None

    def is_open(self, at: datetime) -> bool:
        """Whether an answer is taken."""
        return self.state in OPEN_STATES and at < self.expires_at

    @property
    def is_confirmed(self) -> bool:
        """Whether a person stands behind the answer: pressed, and not contradicted by another press at once."""
        return bool(self.revision) and self.conflicting_at is None


class LockedInvitation(NamedTuple):
    """A survey that nobody else may visit until the end of the transaction, and what has to be looked at besides.

    Attributes:
        record: the person as the vendor told them, as JSON; ``{}`` where nothing is known.
        merged: somebody was merged into the person.
        asked: the person or the mailbox was asked for a review.
        is_recovery_survey: the survey follows up a case.
        reminded: it has a reminder that was sent or is still to come.
        opened: it was opened or pressed with a score shortly before.
    """

    invitation: InvitationState
    connection: str
    vendor_id: str
    record: str
    merged: bool
    asked: bool
    is_recovery_survey: bool
    reminded: bool
    opened: bool


_STATE_COLUMNS: tuple[Any, ...] = (
    InvitationRow.id,
    InvitationRow.survey,
    InvitationRow.touchpoint,
    InvitationRow.language,
    InvitationRow.state,
    InvitationRow.sent_at,
    InvitationRow.expires_at,
    InvitationRow.contact_id,
    ContactRow.mailbox,
    ResponseRow.id.label("response_id"),  # type: ignore[union-attr]
    ResponseRow.revision,
    ResponseRow.conflicting_at,
    ResponseRow.score,
    ResponseRow.comment,
    ResponseRow.do_not_contact,
)
_merged_contact = aliased(ContactRow)
_LOCKED_COLUMNS: tuple[Any, ...] = (
    ContactRow.connection,
    ContactRow.vendor_id,
    cast(ContactRow.record, Text).label("record"),
    exists().where(col(_merged_contact.merged_into) == col(ContactRow.id)),
    has_review_request(col(ContactRow.id), col(ContactRow.mailbox)),
    exists().where(col(CaseRow.follow_up_id) == col(InvitationRow.id)),
    exists().where(col(DeliveryRow.invitation_id) == col(InvitationRow.id), col(DeliveryRow.action) == REMINDER),
    exists().where(
        col(PageViewRow.invitation_id) == col(InvitationRow.id),
        col(PageViewRow.at) >= bindparam("since", type_=UtcDateTime()),
        col(PageViewRow.score).is_not(None),
    ),
)


def _select_invitations(*columns: Any) -> Any:  # noqa: ANN401  # what SQLAlchemy calls a column has many types
    return (
        select(*columns)
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
        .where(in_list(col(InvitationRow.id), "numbers"), col(ContactRow.erased_at).is_(None))
    )


_SELECT_STATES = _select_invitations(*_STATE_COLUMNS)
_SELECT_LOCKED = _select_invitations(*_STATE_COLUMNS, *_LOCKED_COLUMNS)
_LOCK_INVITATIONS = (
    select(col(InvitationRow.id))
    .where(in_list(col(InvitationRow.id), "numbers"))
    .order_by(col(InvitationRow.id))
    .with_for_update(key_share=True)
)


def load_invitation_states(session: Session, numbers: Collection[int]) -> dict[int, InvitationState]:
    """Where these survey invitations stand; unknown ones and those of erased people are left out."""
    if not numbers:
        return {}
    asked = {"numbers": sorted(numbers)}
    return {row[0]: InvitationState(*row) for row in session.connection().execute(_SELECT_STATES, asked)}


def lock_invitations(session: Session, numbers: Collection[int], since: datetime) -> dict[int, LockedInvitation]:
    """Where these survey invitations stand, which nobody else may visit until the end, in any process.

    Args:
        session: the transaction.
        numbers: ids of survey invitations; unknown ones and those of erased people are left out.
        since: whether anything was opened from then on is told.
    """
    asked = {"numbers": sorted(numbers)}
    connection = session.connection()
    # In a statement of its own: what is joined to a row that is waited for would be as it was before. SQLite has one
    # writer at a time and needs none.
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK_INVITATIONS, asked)
    rows = connection.execute(_SELECT_LOCKED, {**asked, "since": since})
    own = len(_STATE_COLUMNS)
    return {row[0]: LockedInvitation(InvitationState(*row[:own]), *row[own:]) for row in rows}
