"""Create the whole schema of 0.1.0.

The tables are written out instead of taken from the models: a migration describes the schema of its own version,
whatever the models say later. Columns that can be large come last, because SQLite reads a row up to the last column
asked for. Names of keys, constraints and indexes follow the naming convention of the metadata.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2001"
down_revision = None
branch_labels = None
depends_on = None

BIG_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
SEGMENTS = "segment IN ('promoter', 'passive', 'detractor')"
INTAKE_STATES = "state IN ('pending', 'running', 'succeeded', 'dead')"


def upgrade() -> None:
    """Create every table and index."""
    _create_intake_tables()
    _create_survey_tables()
    _create_response_tables()
    _create_delivery_tables()
    _create_review_tables()
    _create_operational_tables()


def _create_intake_tables() -> None:
    op.create_table(
        "contacts",
        _id(),
        *_optional_references(merged_into="contacts"),
        *_texts(connection=40, vendor_id=200),
        *_optional_texts(email=320, mailbox=64, name=None, language=35),
        *_columns(TIME, "seen_at"),
        *_columns(TIME, "deleted_at", "erased_at", null=True),
        *_columns(sa.Boolean(), "opted_out"),
        *_columns(sa.JSON(), "record"),
        sa.UniqueConstraint("connection", "vendor_id"),
        *_indexes("mailbox", "merged_into"),
    )
    op.create_table(
        "raw_requests",
        _id(),
        *_queue_columns("raw_requests"),
        *_texts(connection=40, method=10, url=None),
        *_columns(TIME, "received_at"),
        *_columns(sa.Integer(), "events_new", "events_duplicate"),
        *_columns(sa.JSON(), "headers"),
        *_columns(sa.LargeBinary(), "body"),
        sa.CheckConstraint(INTAKE_STATES, name="state"),
        _partial_index("ix_raw_requests_unreadable", "connection", "id", where="state = 'dead'"),
    )
    op.create_table(
        "events",
        _id(),
        *_queue_columns("events"),
        *_optional_references(contact_id="contacts"),
        *_texts(connection=40, key=400, kind=80, object_id=200, source=20),
        *_columns(TIME, "occurred_at", "received_at"),
        *_columns(TIME, "replayed_at", null=True),
        *_columns(sa.JSON(), "record"),
        sa.CheckConstraint(INTAKE_STATES, name="state"),
        sa.UniqueConstraint("connection", "key"),
        sa.Index(None, "connection", "received_at"),
        *_indexes("contact_id", "received_at"),
    )
    op.create_table(
        "event_subjects",
        *_references(event_id="events"),
        *_texts(subject=80),
        sa.PrimaryKeyConstraint("subject", "event_id"),
        *_indexes("event_id"),
    )


def _create_survey_tables() -> None:
    op.create_table(
        "decisions",
        _id(),
        *_references(event_id="events"),
        *_optional_references(contact_id="contacts"),
        *_texts(trigger=140, survey=40, verdict=10, reason=30, detail=None),
        *_columns(TIME, "decided_at"),
        *_columns(TIME, "eligible_at", null=True),
        *_columns(sa.JSON(), "previous_decisions", null=True),
        sa.CheckConstraint("verdict IN ('yes', 'no', 'deferred', 'held', 'released', 'again')", name="verdict"),
        sa.UniqueConstraint("event_id", "trigger"),
        _partial_index("ix_decisions_held", "trigger", where="verdict = 'held'"),
        *_indexes("contact_id", "decided_at"),
    )
    op.create_table(
        "survey_invitations",
        _id(),
        *_references(contact_id="contacts"),
        *_optional_references(event_id="events"),
        *_texts(survey=40, touchpoint=80, trigger=140, language=35, state=20),
        *_optional_texts(reason=None, mailbox=64),
        *_columns(TIME, "created_at", "due_at", "expires_at"),
        *_columns(TIME, "sent_at", null=True),
        sa.CheckConstraint("state IN ('planned', 'sent', 'cancelled', 'shadow', 'imported')", name="state"),
        _partial_index("ix_survey_invitations_mailbox", "mailbox", where="mailbox IS NOT NULL"),
        _partial_index("ix_survey_invitations_sent_at", "sent_at", where="sent_at IS NOT NULL"),
        *_indexes("contact_id", "created_at", "due_at", "event_id"),
    )
    op.create_table(
        "cooldowns",
        *_texts(subject=80),
        *_columns(TIME, "until"),
        *_columns(sa.Boolean(), "confirmed"),
        *_columns(BIG_INTEGER, "invitation_id", null=True),
        sa.PrimaryKeyConstraint("subject"),
        *_indexes("invitation_id"),
    )
    op.create_table(
        "suppressions",
        _id(),
        *_texts(subject=80, reason=20, source=80),
        *_columns(TIME, "created_at"),
        sa.CheckConstraint("reason IN ('opted_out', 'bounced', 'erased', 'objected')", name="reason"),
        sa.UniqueConstraint("subject", "reason"),
    )


def _create_response_tables() -> None:
    op.create_table(
        "responses",
        _id(),
        *_references(invitation_id="survey_invitations", contact_id="contacts"),
        *_texts(public_id=40, survey=40, touchpoint=80, scale=20, language=35),
        *_optional_texts(comment=None, provisional_bot_signals=60),
        *_columns(TIME, "answered_at", "conflicting_at", "provisional_at", null=True),
        *_columns(sa.Integer(), "revision"),
        *_columns(sa.Integer(), "score", "provisional_score", null=True),
        *_columns(sa.Boolean(), "do_not_contact"),
        *_columns(sa.JSON(), "follow_up"),
        sa.CheckConstraint("score IS NULL OR (score >= 0 AND score <= 10)", name="score"),
        sa.UniqueConstraint("invitation_id"),
        sa.UniqueConstraint("public_id"),
        sa.Index(None, "answered_at", "survey"),
        _partial_index(
            "ix_responses_to_confirm",
            "provisional_at",
            where="revision = 0 AND provisional_score <= 6 AND provisional_bot_signals IS NULL",
        ),
        *_indexes("contact_id"),
    )
    op.create_table(
        "response_revisions",
        _id(),
        *_references(response_id="responses"),
        *_texts(language=35),
        *_optional_texts(comment=None),
        *_columns(TIME, "at"),
        *_columns(sa.Integer(), "revision", "score"),
        *_columns(sa.Boolean(), "do_not_contact", "is_final"),
        *_columns(sa.JSON(), "follow_up"),
        sa.UniqueConstraint("response_id", "revision"),
    )
    op.create_table(
        "page_views",
        _id(),
        *_optional_references(invitation_id="survey_invitations", response_id="responses"),
        *_texts(purpose=20, method=10),
        *_optional_texts(platform=40, address=64, agent=200, bot_signals=60),
        *_columns(TIME, "at"),
        *_columns(sa.Integer(), "score", null=True),
        sa.CheckConstraint("purpose IN ('survey', 'review', 'unsubscribe')", name="purpose"),
        *_indexes("at", "invitation_id", "response_id"),
    )
    op.create_table(
        "cases",
        _id(),
        *_references(response_id="responses", contact_id="contacts"),
        *_optional_references(follow_up_id="survey_invitations"),
        *_texts(connection=40, ticket_id=300, state=20),
        *_optional_texts(owner=200),
        *_columns(TIME, "opened_at"),
        *_columns(TIME, "deadline", "changed_at", "solved_at", "overdue_notified_at", "recovered_at", null=True),
        *_columns(sa.Integer(), "reopened"),
        *_columns(sa.Integer(), "first_reply_minutes", "solve_minutes", "recovered_score", null=True),
        sa.CheckConstraint("state IN ('open', 'solved')", name="state"),
        sa.UniqueConstraint("response_id"),
        sa.Index(None, "connection", "ticket_id"),
        sa.Index(None, "state", "deadline"),
        *_indexes("contact_id", "follow_up_id"),
    )


def _create_delivery_tables() -> None:
    op.create_table(
        "deliveries",
        _id(),
        *_queue_columns("deliveries"),
        *_optional_references(
            contact_id="contacts",
            invitation_id="survey_invitations",
            response_id="responses",
            depends_on_id="deliveries",
        ),
        *_texts(key=120, connection=40, action=20),
        *_optional_texts(
            hold_code=40,
            hold_detail=200,
            cancel_code=40,
            error_kind=20,
            receipt_id=300,
            receipt_link=None,
            receipt_note=None,
        ),
        *_columns(TIME, "created_at"),
        *_columns(TIME, "first_started_at", "finished_at", null=True),
        *_columns(sa.Integer(), "revision", null=True),
        *_columns(sa.Boolean(), "in_doubt"),
        *_columns(sa.JSON(), "options"),
        *_columns(sa.JSON(), "payload", null=True),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'succeeded', 'skipped', 'dead', 'cancelled', 'held')", name="state"
        ),
        sa.UniqueConstraint("key"),
        sa.Index(None, "state", "id"),
        _partial_index("ix_deliveries_ticket", "connection", "receipt_id", where="action = 'open_ticket'"),
        *_indexes("contact_id", "depends_on_id", "invitation_id", "response_id"),
    )
    op.create_table(
        "attempts",
        _id(),
        *_references(delivery_id="deliveries"),
        *_texts(outcome=20),
        *_optional_texts(message=None, request_id=200),
        *_columns(TIME, "started_at", "finished_at"),
        *_columns(sa.Integer(), "status", null=True),
        *_columns(sa.JSON(), "exchange", null=True),
        *_indexes("delivery_id"),
    )
    op.create_table(
        "bounces",
        _id(),
        *_optional_references(contact_id="contacts", delivery_id="deliveries"),
        *_texts(key=64, kind=20, detail=None, source=20),
        *_optional_texts(mailbox=64, status=20),
        *_columns(TIME, "at"),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'complaint')", name="kind"),
        sa.UniqueConstraint("key"),
        *_indexes("contact_id", "delivery_id", "mailbox"),
    )


def _create_review_tables() -> None:
    op.create_table(
        "review_requests",
        *_references(response_id="responses"),
        *_texts(subject=80, platform=40),
        *_columns(TIME, "until", null=True),
        *_columns(sa.Boolean(), "sent"),
        sa.PrimaryKeyConstraint("subject", "platform"),
        *_indexes("response_id"),
    )
    op.create_table(
        "review_link_states",
        *_references(response_id="responses", contact_id="contacts"),
        *_texts(platform=40, segment=10),
        *_columns(sa.Boolean(), "shown", "sent", "opened", "bot_opened"),
        sa.PrimaryKeyConstraint("response_id", "platform"),
        sa.CheckConstraint(SEGMENTS, name="segment"),
        *_indexes("contact_id"),
    )
    op.create_table(
        "review_tallies",
        *_references(contact_id="contacts"),
        *_texts(platform=40, segment=10),
        *_columns(sa.Boolean(), "shown", "sent", "opened", "bot_opened"),
        sa.PrimaryKeyConstraint("platform", "segment", "contact_id"),
        sa.CheckConstraint(SEGMENTS, name="segment"),
        sa.Index("ix_review_tallies_report", "platform", "segment", "shown", "sent", "opened", "bot_opened"),
    )


def _create_operational_tables() -> None:
    op.create_table(
        "breakers",
        *_texts(scope=140),
        *_optional_texts(reason=None),
        *_columns(TIME, "open_until", null=True),
        *_columns(sa.Integer(), "failures", "opened"),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "counters",
        *_texts(name=60, connection=40),
        *_columns(sa.Integer(), "count"),
        *_columns(sa.Date(), "day"),
        sa.PrimaryKeyConstraint("day", "name", "connection"),
    )
    op.create_table(
        "jobs",
        _id(),
        *_queue_columns("jobs"),
        *_texts(name=80),
        *_columns(sa.JSON(), "memo"),
        sa.CheckConstraint("state IN ('pending', 'running')", name="state"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "pauses",
        *_texts(scope=140, cause=20, reason=None),
        *_columns(TIME, "since"),
        sa.PrimaryKeyConstraint("scope"),
        sa.CheckConstraint("cause IN ('operator', 'auth', 'not_allowed', 'plugin')", name="cause"),
    )
    op.create_table(
        "quotas",
        *_texts(connection=40, name=40),
        *_columns(TIME, "refilled_at"),
        *_columns(TIME, "paused_until", null=True),
        *_columns(sa.Float(), "tokens"),
        sa.PrimaryKeyConstraint("connection", "name"),
    )
    op.create_table(
        "tokens",
        *_texts(connection=40, name=80),
        *_optional_texts(locked_by=40),
        *_columns(TIME, "locked_until", null=True),
        *_columns(sa.LargeBinary(), "value", null=True),
        sa.PrimaryKeyConstraint("connection", "name"),
    )
    op.create_table(
        "workers",
        *_texts(id=40, role=20, host=255, version=40),
        *_columns(TIME, "started_at", "seen_at"),
        *_columns(sa.Integer(), "pid"),
        *_columns(sa.JSON(), "queues"),
        sa.PrimaryKeyConstraint("id"),
    )


def _columns(kind: Any, *names: str, null: bool = False) -> list[sa.Column[Any]]:  # noqa: ANN401
    return [sa.Column(name, kind, nullable=null) for name in names]


def _texts(**lengths: int | None) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in lengths.items()]


def _optional_texts(**lengths: int | None) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(length), nullable=True) for name, length in lengths.items()]


def _id() -> sa.Column[Any]:
    return sa.Column("id", BIG_INTEGER, primary_key=True)


def _references(**tables: str) -> list[sa.Column[Any]]:
    return [
        sa.Column(name, BIG_INTEGER, sa.ForeignKey(f"{table}.id"), nullable=False) for name, table in tables.items()
    ]


def _optional_references(**tables: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, BIG_INTEGER, sa.ForeignKey(f"{table}.id"), nullable=True) for name, table in tables.items()]


def _queue_columns(table: str) -> list[sa.Column[Any] | sa.Index]:
    """Return the columns of claimable work, with the indexes of due rows and of expired leases."""
    return [
        *_texts(queue_name=120, state=20),
        *_optional_texts(lease_token=40, last_error=None),
        *_columns(TIME, "due_at"),
        *_columns(TIME, "lease_until", "started_at", null=True),
        *_columns(sa.Integer(), "attempts"),
        _partial_index(f"ix_{table}_due", "queue_name", "due_at", "id", where="state = 'pending'"),
        _partial_index(f"ix_{table}_leased", "lease_until", where="state = 'running'"),
    ]


def _indexes(*columns: str) -> list[sa.Index]:
    return [sa.Index(None, column) for column in columns]


def _partial_index(name: str, *columns: str, where: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
