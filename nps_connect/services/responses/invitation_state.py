"""State of survey invitations: what showing, recording and answering a survey page needs, read for a whole batch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.review_requests import has_review_request
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.services.contacts.store import ConfirmedResponse

OPEN_STATES = ("planned", "sent")


class InvitationState(NamedTuple):
    """A survey invitation with its contact and its response so far, in plain values.

    Attributes:
        id: id of the invitation.
        link_id: its public id, in the survey link.
        state: state of the invitation.
        sent_at: when its mail was handed over to the mail server (UTC).
        mailbox: hash of the contact's mailbox.
        invited_mailbox: hash of the mailbox that the survey mail was sent to, or may have been sent to.
        contact_record: the contact as the vendor last described it, as JSON; ``{}`` where nothing is known.
        public_id: public id of the response.
        response_id: id of the response; None before the first score was opened or submitted.
        revision: revision of the response; 0 means provisional only.
        restored_at: when the database was restored, and may have lost a response.
    """

    id: int
    link_id: str
    survey: str
    touchpoint: str
    language: str
    state: str
    sent_at: datetime | None
    expires_at: datetime
    contact_id: int
    invited_mailbox: str | None
    mailbox: str | None
    connection: str
    vendor_id: str
    contact_record: str
    response_id: int | None
    public_id: str | None
    revision: int | None
    score: int | None
    comment: str | None
    response_language: str | None
    do_not_contact: bool | None
    follow_up: list[dict[str, str]] | None
    answered_at: datetime | None
    conflicting_at: datetime | None
    restored_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Return whether the invitation accepts submissions at a moment."""
        return self.state in OPEN_STATES and at < self.expires_at

    @property
    def is_confirmed(self) -> bool:
        """Return whether the score was submitted and no conflicting submission came within seconds."""
        return bool(self.revision) and self.conflicting_at is None

    def contact(self) -> Contact:
        """Build the record of the invited contact.

        Raises:
            ValueError: the stored record is damaged.
        """
        if self.contact_record == "{}":
            return Contact(connection=self.connection, id=self.vendor_id)
        return Contact.model_validate_json(self.contact_record)

    def response(self, **changes: Any) -> ConfirmedResponse:  # noqa: ANN401  # values of columns
        """Return the columns of the confirmed response, with changes."""
        renamed = {"id": self.response_id, "invitation_id": self.id, "language": self.response_language}
        values = self._asdict() | renamed | changes
        return ConfirmedResponse(*map(values.__getitem__, ConfirmedResponse._fields))


class LockedInvitation(NamedTuple):
    """An invitation locked until the end of the transaction, and which related rows exist.

    Attributes:
        state: the invitation.
        has_merged_contacts: other contacts were merged into its contact.
        has_review_request: the contact or the mailbox was asked for a review.
        has_case: the response opened a case, or the survey is the recovery survey of one.
        has_reminder: a reminder was sent or is planned.
        has_recent_view: a score was opened or submitted shortly before.
        page_views: number of its stored page views and submissions.
    """

    state: InvitationState
    has_merged_contacts: bool
    has_review_request: bool
    has_case: bool
    has_reminder: bool
    has_recent_view: bool
    page_views: int


_STATE_COLUMNS: tuple[Any, ...] = (
    InvitationRow.id,
    col(InvitationRow.public_id).label("link_id"),
    InvitationRow.survey,
    InvitationRow.touchpoint,
    InvitationRow.language,
    InvitationRow.state,
    InvitationRow.sent_at,
    InvitationRow.expires_at,
    InvitationRow.contact_id,
    col(InvitationRow.mailbox).label("invited_mailbox"),
    ContactRow.mailbox,
    ContactRow.connection,
    ContactRow.vendor_id,
    cast(ContactRow.record, Text).label("contact_record"),
    ResponseRow.id.label("response_id"),  # type: ignore[union-attr]
    ResponseRow.public_id,
    ResponseRow.revision,
    ResponseRow.score,
    ResponseRow.comment,
    col(ResponseRow.language).label("response_language"),
    ResponseRow.do_not_contact,
    ResponseRow.follow_up,
    ResponseRow.answered_at,
    ResponseRow.conflicting_at,
    InvitationRow.restored_at,
)
_merged_contact = aliased(ContactRow)
_LOCKED_COLUMNS: tuple[Any, ...] = (
    exists().where(col(_merged_contact.merged_into) == col(ContactRow.id)),
    has_review_request(col(ContactRow.id), col(ContactRow.mailbox)),
    or_(
        exists().where(col(CaseRow.follow_up_id) == col(InvitationRow.id)),
        exists().where(col(CaseRow.response_id) == col(ResponseRow.id)),
    ),
    exists().where(col(DeliveryRow.invitation_id) == col(InvitationRow.id), col(DeliveryRow.action) == "send_reminder"),
    exists().where(
        col(PageViewRow.invitation_id) == col(InvitationRow.id),
        col(PageViewRow.at) >= bindparam("since", type_=UtcDateTime()),
        col(PageViewRow.score).is_not(None),
    ),
    select(func.count()).where(col(PageViewRow.invitation_id) == col(InvitationRow.id)).scalar_subquery(),
)


def _select_invitations(*columns: Any) -> Any:  # noqa: ANN401  # what SQLAlchemy calls a column has many types
    return (
        select(*columns)
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
        .where(in_list(col(InvitationRow.public_id), "ids"), col(ContactRow.erased_at).is_(None))
    )


_SELECT_STATES = _select_invitations(*_STATE_COLUMNS)
_SELECT_LOCKED = _select_invitations(*_STATE_COLUMNS, *_LOCKED_COLUMNS)
_LOCK_INVITATIONS = (
    select(col(InvitationRow.id))
    .where(in_list(col(InvitationRow.public_id), "ids"))
    .order_by(col(InvitationRow.id))
    .with_for_update(key_share=True)
)


def response_id(link_id: str) -> str:
    """Return the public id of the response to an invitation, from the id in its link, which it does not reveal.

    It is the same after a restore that has lost the response, and so are the keys of what follows from it.
    """
    return f"r-{hashlib.sha256(link_id.encode()).hexdigest()[:32]}"


def load_invitation_states(session: Session, link_ids: Collection[str]) -> dict[str, InvitationState]:
    """Return the invitations by the id in their link, without unknown ones and those of erased contacts."""
    if not link_ids:
        return {}
    states: dict[str, InvitationState] = {}
    for row in session.connection().execute(_SELECT_STATES, {"ids": list(link_ids)}):
        state = InvitationState(*row)
        states[state.link_id] = state
    return states


def lock_invitations(session: Session, link_ids: Collection[str], since: datetime) -> dict[str, LockedInvitation]:
    """Lock invitations against other processes until the end of the transaction; return them by the id in their link.

    Args:
        session: the transaction.
        link_ids: unknown ones and those of erased contacts are left out of the result.
        since: page views from this moment on count as recent.
    """
    parameters = {"ids": list(link_ids)}
    connection = session.connection()
    # A separate statement: rows joined to a row that is waited for would be read as they were before the wait.
    # SQLite has one writer at a time and needs no lock.
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK_INVITATIONS, parameters)
    invitations: dict[str, LockedInvitation] = {}
    count = len(_STATE_COLUMNS)
    for row in connection.execute(_SELECT_LOCKED, {**parameters, "since": since}):
        state = InvitationState(*row[:count])
        invitations[state.link_id] = LockedInvitation(state, *row[count:])
    return invitations
