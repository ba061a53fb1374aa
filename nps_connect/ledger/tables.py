"""Tables of the pipeline: from the raw request to the attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, QueuedRow, UtcDateTime, partial_index, queue_indexes
from nps_connect.ledger.columns import id_field as _id
from nps_connect.ledger.columns import reference_field as _ref
from nps_connect.ledger.unconfirmed import COUNTED_COLUMNS, IS_UNCONFIRMED
from nps_connect.records.base import NPS_SCALE

WORK_STATES = "state IN ('pending', 'running', 'succeeded', 'dead')"
DELIVERY_STATES = "state IN ('pending', 'running', 'succeeded', 'skipped', 'dead', 'cancelled', 'held')"
AWAITS_CONFIRMATION = "revision = 0 AND provisional_score <= 6 AND provisional_bot_signals IS NULL"


class RawRequest(QueuedRow, table=True):
    """A webhook request as received; queue ``<connection>/parse``."""

    __tablename__ = "raw_requests"
    __table_args__ = (
        *queue_indexes("raw_requests"),
        CheckConstraint(WORK_STATES, name="state"),
        partial_index("ix_raw_requests_unreadable", "connection", "id", where="state = 'dead'"),
    )

    id: int | None = _id()
    connection: str = Field(max_length=40)
    method: str = Field(max_length=10)
    url: str
    headers: dict[str, str] = Field(sa_type=JSON)
    body: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=UtcDateTime)
    events_new: int = 0
    events_duplicate: int = 0


class EventRow(QueuedRow, table=True):
    """An event; queue ``<connection>/decide``."""

    __tablename__ = "events"
    __table_args__ = (
        *queue_indexes("events"),
        CheckConstraint(WORK_STATES, name="state"),
        UniqueConstraint("connection", "key"),
        Index("ix_events_connection_received_at", "connection", "received_at"),
    )

    id: int | None = _id()
    connection: str = Field(max_length=40)
    key: str = Field(max_length=400)
    kind: str = Field(max_length=80)
    object_id: str = Field(max_length=200)
    occurred_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)
    replayed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    source: str = Field(max_length=20)
    contact_id: int | None = _ref("contacts.id", optional=True)
    record: dict[str, Any] = Field(sa_type=JSON)


class ContactRow(Base, table=True):
    """A contact, identified by connection and vendor id; `created_at` is None if an earlier version stored it."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("connection", "vendor_id"),)

    id: int | None = _id()
    connection: str = Field(max_length=40)
    vendor_id: str = Field(max_length=200)
    email: str | None = Field(default=None, max_length=320)
    mailbox: str | None = Field(default=None, max_length=64, index=True)
    name: str | None = None
    language: str | None = Field(default=None, max_length=35)
    opted_out: bool = False
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    merged_into: int | None = _ref("contacts.id", optional=True)
    created_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    record: dict[str, Any] = Field(sa_type=JSON)


class DecisionRow(Base, table=True):
    """The decision of a trigger on an event; `previous_decisions` holds those that it replaced."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("event_id", "trigger"),
        CheckConstraint("verdict IN ('yes', 'no', 'deferred', 'held', 'released', 'again')", name="verdict"),
        partial_index("ix_decisions_held", "trigger", where="verdict = 'held'"),
    )

    id: int | None = _id()
    event_id: int = _ref("events.id", index=False)
    trigger: str = Field(max_length=140)
    survey: str = Field(max_length=40)
    contact_id: int | None = _ref("contacts.id", optional=True)
    verdict: str = Field(max_length=10)
    reason: str = Field(max_length=30)
    detail: str
    decided_at: datetime = Field(sa_type=UtcDateTime, index=True)
    eligible_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    previous_decisions: list[dict[str, str]] | None = Field(default=None, sa_type=JSON)


class InvitationRow(Base, table=True):
    """A survey invitation: one survey for one contact.

    Attributes:
        public_id: random id of 128 bits, in the survey link; nullable only because SQLite cannot add another column.
        mailbox: hash of the mailbox that its mail was sent to, or may have been sent to.
        restored_at: when the database was restored, and may have lost a response to this invitation.
    """

    __tablename__ = "survey_invitations"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'sent', 'cancelled', 'shadow', 'imported')", name="state"),
        partial_index("ix_survey_invitations_sent_at", "sent_at", where="sent_at IS NOT NULL"),
        partial_index("ix_survey_invitations_mailbox", "mailbox", where="mailbox IS NOT NULL"),
        Index("ix_survey_invitations_public_id", "public_id", unique=True),
    )

    id: int | None = _id()
    survey: str = Field(max_length=40)
    touchpoint: str = Field(max_length=80)
    trigger: str = Field(max_length=140)
    contact_id: int = _ref("contacts.id")
    event_id: int | None = _ref("events.id", optional=True)
    language: str = Field(max_length=35)
    state: str = Field(default="planned", max_length=20)
    reason: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    mailbox: str | None = Field(default=None, max_length=64)
    public_id: str = Field(max_length=32, nullable=True)
    restored_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PageViewRow(Base, table=True):
    """A request of a personal link; `bot_signals` are hints of a bot, not proof."""

    __tablename__ = "page_views"
    __table_args__ = (CheckConstraint("purpose IN ('survey', 'review', 'unsubscribe')", name="purpose"),)

    id: int | None = _id()
    purpose: str = Field(max_length=20)
    invitation_id: int | None = _ref("survey_invitations.id", optional=True)
    response_id: int | None = _ref("responses.id", optional=True)
    platform: str | None = Field(default=None, max_length=40)
    method: str = Field(max_length=10)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    address: str | None = Field(default=None, max_length=64)
    agent: str | None = Field(default=None, max_length=200)
    score: int | None = None
    bot_signals: str | None = Field(default=None, max_length=60)


class ResponseRow(Base, table=True):
    """The newest state of a response; `revision` is 0 while it is provisional only.

    Attributes:
        scale: of the score; only scores on `NPS_SCALE` have a segment and count for the NPS.
        follow_up: answers, each with the question's name and text.
        conflicting_at: when two different scores were submitted within seconds: provisional until the next submission.
        provisional_bot_signals: bot signals of the page view that gave the provisional score.
        collected_by: a `CollectedBy`: how the response was collected.
        tags, notes: labels that staff gave, here or elsewhere, and their remarks in another tool; None without any.
        classified_by: fingerprint of what found the comment's themes; None until then, and after a new comment.
    """

    __tablename__ = "responses"
    __table_args__ = (
        UniqueConstraint("invitation_id"),
        UniqueConstraint("public_id"),
        CheckConstraint("score IS NULL OR (score >= 0 AND score <= 10)", name="score"),
        Index("ix_responses_answered_at_survey", "answered_at", "survey"),
        partial_index("ix_responses_to_confirm", "provisional_at", where=AWAITS_CONFIRMATION),
        partial_index("ix_responses_unclassified", "id", where="comment IS NOT NULL AND classified_by IS NULL"),
        partial_index("ix_responses_tagged", "id", where="tags IS NOT NULL"),
        partial_index("ix_responses_unconfirmed", *COUNTED_COLUMNS, where=IS_UNCONFIRMED),
    )

    id: int | None = _id()
    public_id: str = Field(max_length=40)
    invitation_id: int = _ref("survey_invitations.id", index=False)
    contact_id: int = _ref("contacts.id")
    survey: str = Field(max_length=40)
    touchpoint: str = Field(max_length=80)
    scale: str = Field(default=NPS_SCALE, max_length=20)
    revision: int = 0
    score: int | None = None
    comment: str | None = None
    language: str = Field(max_length=35)
    do_not_contact: bool = False
    follow_up: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    conflicting_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    provisional_score: int | None = None
    provisional_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    provisional_bot_signals: str | None = Field(default=None, max_length=60)
    collected_by: str = Field(default="web", max_length=20, sa_column_kwargs={"server_default": "web"})
    tags: list[str] | None = Field(default=None, sa_type=JSON)
    notes: list[dict[str, str]] | None = Field(default=None, sa_type=JSON)
    classified_by: str | None = Field(default=None, max_length=40)


class RevisionRow(Base, table=True):
    """A confirmed revision of a response, append-only."""

    __tablename__ = "response_revisions"
    __table_args__ = (UniqueConstraint("response_id", "revision"),)

    id: int | None = _id()
    response_id: int = _ref("responses.id", index=False)
    revision: int
    score: int
    comment: str | None = None
    language: str = Field(max_length=35)
    do_not_contact: bool = False
    follow_up: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    is_final: bool
    at: datetime = Field(sa_type=UtcDateTime)


RECEIPT_IS_MESSAGE_ID = "substr(receipt_id, 1, 1) = '<'"  # of mails; other receipts are ids of vendors
IN_DOUBT = "in_doubt"


class DeliveryRow(QueuedRow, table=True):
    """One action for one subject on one connection; queue ``<connection>/<action>``.

    Attributes:
        options: from the route: lead, comment policy, platform.
        payload: the record as first sent, which a retry sends again; None before the first start, except for webhooks.
        depends_on_id: the row is `held` until that delivery has succeeded.
        in_doubt: an earlier try may have taken effect: look before the next one.
        hold_code: a `HoldCode`: why the row is `held`, or `pending` with a later due time; `hold_detail`: of what.
        cancel_code: a `CancelCode`: why the row is `cancelled`; the sentence is in `last_error`.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        *queue_indexes("deliveries"),
        CheckConstraint(DELIVERY_STATES, name="state"),
        UniqueConstraint("key"),
        Index("ix_deliveries_state_id", "state", "id"),
        partial_index("ix_deliveries_message_id", "receipt_id", where=RECEIPT_IS_MESSAGE_ID),
        partial_index("ix_deliveries_in_doubt", "id", where=IN_DOUBT),
        partial_index("ix_deliveries_succeeded", "queue_name", "finished_at", where="state = 'succeeded'"),
        partial_index("ix_deliveries_stopped", "connection", "state", "hold_code", where="state IN ('held', 'dead')"),
        partial_index("ix_deliveries_retried", "queue_name", "due_at", where="state = 'pending' AND attempts > 0"),
        partial_index("ix_deliveries_ticket", "connection", "receipt_id", where="action = 'open_ticket'"),
    )

    id: int | None = _id()
    key: str = Field(max_length=120)
    connection: str = Field(max_length=40)
    action: str = Field(max_length=20)
    contact_id: int | None = _ref("contacts.id", optional=True)
    invitation_id: int | None = _ref("survey_invitations.id", optional=True)
    response_id: int | None = _ref("responses.id", optional=True)
    revision: int | None = None
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    payload: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    depends_on_id: int | None = _ref("deliveries.id", optional=True)
    in_doubt: bool = False
    hold_code: str | None = Field(default=None, max_length=40)
    hold_detail: str | None = Field(default=None, max_length=200)
    cancel_code: str | None = Field(default=None, max_length=40)
    error_kind: str | None = Field(default=None, max_length=20)
    receipt_id: str | None = Field(default=None, max_length=300)
    receipt_link: str | None = None
    receipt_note: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    first_started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AttemptRow(Base, table=True):
    """One try of a delivery, append-only."""

    __tablename__ = "attempts"
    __table_args__ = (partial_index("ix_attempts_failed", "id", where="outcome <> 'succeeded'"),)

    id: int | None = _id()
    delivery_id: int = _ref("deliveries.id")
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime = Field(sa_type=UtcDateTime)
    outcome: str = Field(max_length=20)
    message: str | None = None
    status: int | None = None
    request_id: str | None = Field(default=None, max_length=200)
    exchange: dict[str, Any] | None = Field(default=None, sa_type=JSON)
