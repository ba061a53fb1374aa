"""Where surveys stand: the few facts that showing, noting and answering need, read for many at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow

OPEN_STATES = ("planned", "sent")


class Standing(NamedTuple):
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
    contested_at: datetime | None
    score: int | None
    comment: str | None
    do_not_contact: bool | None

    def is_open(self, at: datetime) -> bool:
        """Whether an answer is taken."""
        return self.state in OPEN_STATES and at < self.expires_at

    @property
    def is_confirmed(self) -> bool:
        """Whether a person stands behind the answer: pressed, and not contradicted by another press at once."""
        return bool(self.revision) and self.contested_at is None


_COLUMNS: tuple[Any, ...] = (
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
    ResponseRow.contested_at,
    ResponseRow.score,
    ResponseRow.comment,
    ResponseRow.do_not_contact,
)
_READ = (
    select(*_COLUMNS)
    .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
    .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
    .where(
        col(InvitationRow.id).in_(bindparam("numbers", expanding=True)),
        col(ContactRow.erased_at).is_(None),
    )
)
_LOCK = (
    select(col(InvitationRow.id))
    .where(col(InvitationRow.id).in_(bindparam("numbers", expanding=True)))
    .order_by(col(InvitationRow.id))
    .with_for_update(key_share=True)
)


def read_standings(session: Session, numbers: Collection[int], *, lock: bool = False) -> dict[int, Standing]:
    """Where these survey invitations stand; unknown ones and those of erased people are left out.

    Args:
        session: the transaction.
        numbers: ids of survey invitations.
        lock: nobody else may visit them until the end of the transaction, in any process.
    """
    if not numbers:
        return {}
    asked = {"numbers": sorted(numbers)}
    # In a statement of its own: what is joined to a row that is waited for would be as it was before. SQLite has one
    # writer at a time and needs none.
    if lock and session.get_bind().dialect.name != "sqlite":
        session.connection().execute(_LOCK, asked)
    return {row[0]: Standing(*row) for row in session.connection().execute(_READ, asked)}
