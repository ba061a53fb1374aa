"""Create the whole schema of 0.1.0.

The tables are written out instead of taken from the models: a migration describes the schema of its own version, whatever
the models say later. Names of keys, constraints and indexes follow the naming convention of the metadata.
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
SEGMENTS = "segment IN ('promoter', 'passive', 'detractor')"
INTAKE_STATES = "state IN ('pending', 'running', 'succeeded', 'dead')"


def upgrade() -> None:
    """Create every table and index."""
    _create_intake_tables()
    _create_survey_tables()
    _create_response_tables()
    _create_case_tables()
    _create_delivery_tables()
    _create_review_tables()
    _create_operational_tables()


def _create_intake_tables() -> None:
    op.create_table(
        "contacts",
        _id(),
        _text("connection", 40),
        _text("vendor_id", 200),
        _text("email", 320, null=True),
        _text("mailbox", 64, null=True, index=True),
        _text("name", null=True),
        _text("language", 35, null=True),
        _boolean("opted_out"),
        _time("deleted_at", null=True),
        _time("erased_at", null=True),
        _reference("merged_into", "contacts.id", null=True, index=True),
        _json("record"),
        _time("seen_at"),
        sa.UniqueConstraint("connection", "vendor_id"),
    )
    op.create_table(
        "raw_requests",
        *_queued_columns(),
        _id(),
        _text("connection", 40),
        _text("method", 10),
        _text("url"),
        _json("headers"),
        _bytes("body"),
        _time("received_at"),
        _integer("events_new"),
        _integer("events_duplicate"),
        sa.CheckConstraint(INTAKE_STATES, name="state"),
        *_queue_indexes("raw_requests"),
        _partial_index("ix_raw_requests_unreadable", "connection", "id", where="state = 'dead'"),
    )
    op.create_table(
        "events",
        *_queued_columns(),
        _id(),
        _text("connection", 40),
        _text("key", 400),
        _text("kind", 80),
        _text("object_id", 200),
        _time("occurred_at"),
        _time("received_at", index=True),
        _time("replayed_at", null=True),
        _text("source", 20),
        _reference("contact_id", "contacts.id", null=True, index=True),
        _json("record"),
        sa.CheckConstraint(INTAKE_STATES, name="state"),
        sa.UniqueConstraint("connection", "key"),
        *_queue_indexes("events"),
        sa.Index("ix_events_connection_received_at", "connection", "received_at"),
    )
    op.create_table(
        "event_subjects",
        _text("subject", 80, primary_key=True),
        _reference("event_id", "events.id", index=True, primary_key=True),
    )


def _create_survey_tables() -> None:
    op.create_table(
        "decisions",
        _id(),
        _reference("event_id", "events.id"),
        _text("trigger", 140),
        _text("survey", 40),
        _reference("contact_id", "contacts.id", null=True, index=True),
        _text("verdict", 10),
        _text("reason", 30),
        _text("detail"),
        _time("decided_at", index=True),
        _time("eligible_at", null=True),
        _json("previous_decisions", null=True),
        sa.CheckConstraint("verdict IN ('yes', 'no', 'deferred', 'held', 'released', 'again')", name="verdict"),
        sa.UniqueConstraint("event_id", "trigger"),
        _partial_index("ix_decisions_held", "trigger", where="verdict = 'held'"),
    )
    op.create_table(
        "survey_invitations",
        _id(),
        _text("survey", 40),
        _text("touchpoint", 80),
        _text("trigger", 140),
        _reference("contact_id", "contacts.id", index=True),
        _reference("event_id", "events.id", null=True, index=True),
        _text("language", 35),
        _text("state", 20),
        _text("reason", null=True),
        _time("created_at", index=True),
        _time("due_at", index=True),
        _time("sent_at", null=True),
        _time("expires_at"),
        _text("mailbox", 64, null=True),
        sa.CheckConstraint("state IN ('planned', 'sent', 'cancelled', 'shadow', 'imported')", name="state"),
        _partial_index("ix_survey_invitations_mailbox", "mailbox", where="mailbox IS NOT NULL"),
        _partial_index("ix_survey_invitations_sent_at", "sent_at", where="sent_at IS NOT NULL"),
    )
    op.create_table(
        "cooldowns",
        _text("subject", 80, primary_key=True),
        _time("until"),
        _column("invitation_id", BIG_INTEGER, null=True, index=True),
        _boolean("confirmed"),
    )
    op.create_table(
        "suppressions",
        _id(),
        _text("subject", 80),
        _text("reason", 20),
        _text("source", 80),
        _time("created_at"),
        sa.CheckConstraint("reason IN ('opted_out', 'bounced', 'erased', 'objected')", name="reason"),
        sa.UniqueConstraint("subject", "reason"),
    )


def _create_response_tables() -> None:
    op.create_table(
        "responses",
        _id(),
        _text("public_id", 40),
        _reference("invitation_id", "survey_invitations.id"),
        _reference("contact_id", "contacts.id", index=True),
        _text("survey", 40),
        _text("touchpoint", 80),
        _text("scale", 20),
        _integer("revision"),
        _integer("score", null=True),
        _text("comment", null=True),
        _text("language", 35),
        _boolean("do_not_contact"),
        _json("follow_up"),
        _time("answered_at", null=True),
        _time("conflicting_at", null=True),
        _integer("provisional_score", null=True),
        _time("provisional_at", null=True),
        _text("provisional_bot_signals", 60, null=True),
        sa.CheckConstraint("score IS NULL OR (score >= 0 AND score <= 10)", name="score"),
        sa.UniqueConstraint("invitation_id"),
        sa.UniqueConstraint("public_id"),
        sa.Index("ix_responses_answered_at_survey", "answered_at", "survey"),
        _partial_index(
            "ix_responses_to_confirm",
            "provisional_at",
            where="revision = 0 AND provisional_score <= 6 AND provisional_bot_signals IS NULL",
        ),
    )
    op.create_table(
        "response_revisions",
        _id(),
        _reference("response_id", "responses.id"),
        _integer("revision"),
        _integer("score"),
        _text("comment", null=True),
        _text("language", 35),
        _boolean("do_not_contact"),
        _json("follow_up"),
        _boolean("is_final"),
        _time("at"),
        sa.UniqueConstraint("response_id", "revision"),
    )
    op.create_table(
        "page_views",
        _id(),
        _text("purpose", 20),
        _reference("invitation_id", "survey_invitations.id", null=True, index=True),
        _reference("response_id", "responses.id", null=True, index=True),
        _text("platform", 40, null=True),
        _text("method", 10),
        _time("at", index=True),
        _text("address", 64, null=True),
        _text("agent", 200, null=True),
        _integer("score", null=True),
        _text("bot_signals", 60, null=True),
        sa.CheckConstraint("purpose IN ('survey', 'review', 'unsubscribe')", name="purpose"),
    )


def _create_case_tables() -> None:
    op.create_table(
        "cases",
        _id(),
        _reference("response_id", "responses.id"),
        _reference("contact_id", "contacts.id", index=True),
        _text("connection", 40),
        _text("ticket_id", 300),
        _text("owner", 200, null=True),
        _text("state", 20),
        _time("opened_at"),
        _time("deadline", null=True),
        _time("changed_at", null=True),
        _time("solved_at", null=True),
        _integer("first_reply_minutes", null=True),
        _integer("solve_minutes", null=True),
        _integer("reopened"),
        _time("overdue_notified_at", null=True),
        _reference("follow_up_id", "survey_invitations.id", null=True, index=True),
        _time("recovered_at", null=True),
        _integer("recovered_score", null=True),
        sa.CheckConstraint("state IN ('open', 'solved')", name="state"),
        sa.UniqueConstraint("response_id"),
        sa.Index("ix_cases_connection_ticket_id", "connection", "ticket_id"),
        sa.Index("ix_cases_state_deadline", "state", "deadline"),
    )


def _create_delivery_tables() -> None:
    op.create_table(
        "deliveries",
        *_queued_columns(),
        _id(),
        _text("key", 120),
        _text("connection", 40),
        _text("action", 20),
        _reference("contact_id", "contacts.id", null=True, index=True),
        _reference("invitation_id", "survey_invitations.id", null=True, index=True),
        _reference("response_id", "responses.id", null=True, index=True),
        _integer("revision", null=True),
        _json("options"),
        _json("payload", null=True),
        _reference("depends_on_id", "deliveries.id", null=True, index=True),
        _boolean("in_doubt"),
        _text("hold_code", 40, null=True),
        _text("hold_detail", 200, null=True),
        _text("cancel_code", 40, null=True),
        _text("error_kind", 20, null=True),
        _text("receipt_id", 300, null=True),
        _text("receipt_link", null=True),
        _text("receipt_note", null=True),
        _time("created_at"),
        _time("first_started_at", null=True),
        _time("finished_at", null=True),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'succeeded', 'skipped', 'dead', 'cancelled', 'held')", name="state"
        ),
        sa.UniqueConstraint("key"),
        *_queue_indexes("deliveries"),
        sa.Index("ix_deliveries_state_id", "state", "id"),
        _partial_index("ix_deliveries_ticket", "connection", "receipt_id", where="action = 'open_ticket'"),
    )
    op.create_table(
        "attempts",
        _id(),
        _reference("delivery_id", "deliveries.id", index=True),
        _time("started_at"),
        _time("finished_at"),
        _text("outcome", 20),
        _text("message", null=True),
        _integer("status", null=True),
        _text("request_id", 200, null=True),
        _json("exchange", null=True),
    )
    op.create_table(
        "bounces",
        _id(),
        _text("key", 64),
        _text("kind", 20),
        _text("mailbox", 64, null=True, index=True),
        _reference("contact_id", "contacts.id", null=True, index=True),
        _reference("delivery_id", "deliveries.id", null=True, index=True),
        _text("status", 20, null=True),
        _text("detail"),
        _text("source", 20),
        _time("at"),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'complaint')", name="kind"),
        sa.UniqueConstraint("key"),
    )


def _create_review_tables() -> None:
    op.create_table(
        "review_requests",
        _text("subject", 80, primary_key=True),
        _text("platform", 40, primary_key=True),
        _reference("response_id", "responses.id", index=True),
        _time("until", null=True),
        _boolean("sent"),
    )
    op.create_table(
        "review_link_states",
        _reference("response_id", "responses.id", primary_key=True),
        _text("platform", 40, primary_key=True),
        _reference("contact_id", "contacts.id", index=True),
        _text("segment", 10),
        _boolean("shown"),
        _boolean("sent"),
        _boolean("opened"),
        _boolean("bot_opened"),
        sa.CheckConstraint(SEGMENTS, name="segment"),
    )
    op.create_table(
        "review_tallies",
        _text("platform", 40, primary_key=True),
        _text("segment", 10, primary_key=True),
        _reference("contact_id", "contacts.id", primary_key=True),
        _boolean("shown"),
        _boolean("sent"),
        _boolean("opened"),
        _boolean("bot_opened"),
        sa.CheckConstraint(SEGMENTS, name="segment"),
        sa.Index("ix_review_tallies_report", "platform", "segment", "shown", "sent", "opened", "bot_opened"),
    )


def _create_operational_tables() -> None:
    op.create_table(
        "breakers",
        _text("scope", 140, primary_key=True),
        _integer("failures"),
        _integer("opened"),
        _time("open_until", null=True),
        _text("reason", null=True),
    )
    op.create_table(
        "counters",
        _column("day", sa.Date(), primary_key=True),
        _text("name", 60, primary_key=True),
        _text("connection", 40, primary_key=True),
        _integer("count"),
    )
    op.create_table(
        "jobs",
        *_queued_columns(),
        _id(),
        _text("name", 80),
        _json("memo"),
        sa.CheckConstraint("state IN ('pending', 'running')", name="state"),
        sa.UniqueConstraint("name"),
        *_queue_indexes("jobs"),
    )
    op.create_table(
        "pauses",
        _text("scope", 140, primary_key=True),
        _text("cause", 20),
        _text("reason"),
        _time("since"),
        sa.CheckConstraint("cause IN ('operator', 'auth', 'not_allowed', 'plugin')", name="cause"),
    )
    op.create_table(
        "quotas",
        _text("connection", 40, primary_key=True),
        _text("name", 40, primary_key=True),
        _column("tokens", sa.Float()),
        _time("refilled_at"),
        _time("paused_until", null=True),
    )
    op.create_table(
        "tokens",
        _text("connection", 40, primary_key=True),
        _text("name", 80, primary_key=True),
        _bytes("value", null=True),
        _text("locked_by", 40, null=True),
        _time("locked_until", null=True),
    )
    op.create_table(
        "workers",
        _text("id", 40, primary_key=True),
        _text("role", 20),
        _text("host", 255),
        _integer("pid"),
        _text("version", 40),
        _time("started_at"),
        _time("seen_at"),
        _json("queues"),
    )


def _column(name: str, kind: Any, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, kind, nullable=null, **options)


def _text(name: str, length: int | None = None, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return _column(name, sa.String(length), **options)


def _integer(name: str, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return _column(name, sa.Integer(), **options)


def _boolean(name: str) -> sa.Column[Any]:
    return _column(name, sa.Boolean())


def _time(name: str, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return _column(name, sa.DateTime(timezone=True), **options)


def _json(name: str, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return _column(name, sa.JSON(), **options)


def _bytes(name: str, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return _column(name, sa.LargeBinary(), **options)


def _id() -> sa.Column[Any]:
    return _column("id", BIG_INTEGER, primary_key=True)


def _reference(name: str, target: str, *, null: bool = False, **options: Any) -> sa.Column[Any]:  # noqa: ANN401
    return sa.Column(name, BIG_INTEGER, sa.ForeignKey(target), nullable=null, **options)


def _queued_columns() -> list[sa.Column[Any]]:
    """Columns of claimable work."""
    return [
        _text("queue_name", 120),
        _text("state", 20),
        _time("due_at"),
        _text("lease_token", 40, null=True),
        _time("lease_until", null=True),
        _time("started_at", null=True),
        _integer("attempts"),
        _text("last_error", null=True),
    ]


def _queue_indexes(table: str) -> list[sa.Index]:
    """Due rows of a queue, and rows whose lease may have expired."""
    return [
        _partial_index(f"ix_{table}_due", "queue_name", "due_at", "id", where="state = 'pending'"),
        _partial_index(f"ix_{table}_leased", "lease_until", where="state = 'running'"),
    ]


def _partial_index(name: str, *columns: str, where: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
