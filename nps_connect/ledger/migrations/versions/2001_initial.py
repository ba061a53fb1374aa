"""The whole schema of 0.1.0."""

import sqlalchemy as sa
from alembic import op

revision = "2001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table and index."""
    op.create_table(
        "breakers",
        sa.Column("scope", sa.String(length=140), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("open_until", WHEN, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_breakers")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("vendor_id", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("mailbox", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", WHEN, nullable=True),
        sa.Column("erased_at", WHEN, nullable=True),
        sa.Column("merged_into", BIG, nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("seen_at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["contacts.id"], name=op.f("fk_contacts_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("connection", "vendor_id", name=op.f("uq_contacts_connection_vendor_id")),
    )
    op.create_index(op.f("ix_contacts_mailbox"), "contacts", ["mailbox"], unique=False)
    op.create_index(op.f("ix_contacts_merged_into"), "contacts", ["merged_into"], unique=False)
    op.create_table(
        "cooldowns",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("until", WHEN, nullable=False),
        sa.Column("invitation_id", BIG, nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_cooldowns")),
    )
    op.create_index(op.f("ix_cooldowns_invitation_id"), "cooldowns", ["invitation_id"], unique=False)
    op.create_table(
        "counters",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "name", "connection", name=op.f("pk_counters")),
    )
    op.create_table(
        "jobs",
        sa.Column("queue_name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", WHEN, nullable=True),
        sa.Column("started_at", WHEN, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("memo", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'running')", name=op.f("ck_jobs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("name", name=op.f("uq_jobs_name")),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["queue_name", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_jobs_leased",
        "jobs",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "pauses",
        sa.Column("scope", sa.String(length=140), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", WHEN, nullable=False),
        sa.CheckConstraint("cause IN ('operator', 'auth', 'not_allowed', 'plugin')", name=op.f("ck_pauses_cause")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pauses")),
    )
    op.create_table(
        "quotas",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", WHEN, nullable=False),
        sa.Column("paused_until", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_quotas")),
    )
    op.create_table(
        "raw_requests",
        sa.Column("queue_name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", WHEN, nullable=True),
        sa.Column("started_at", WHEN, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", WHEN, nullable=False),
        sa.Column("events_new", sa.Integer(), nullable=False),
        sa.Column("events_duplicate", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'running', 'succeeded', 'dead')", name=op.f("ck_raw_requests_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_requests")),
    )
    op.create_index(
        "ix_raw_requests_due",
        "raw_requests",
        ["queue_name", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_raw_requests_leased",
        "raw_requests",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_raw_requests_unreadable",
        "raw_requests",
        ["connection", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.CheckConstraint(
            "reason IN ('opted_out', 'bounced', 'erased', 'objected')", name=op.f("ck_suppressions_reason")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("subject", "reason", name=op.f("uq_suppressions_subject_reason")),
    )
    op.create_table(
        "tokens",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("locked_by", sa.String(length=40), nullable=True),
        sa.Column("locked_until", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_tokens")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("started_at", WHEN, nullable=False),
        sa.Column("seen_at", WHEN, nullable=False),
        sa.Column("doing", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "events",
        sa.Column("queue_name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", WHEN, nullable=True),
        sa.Column("started_at", WHEN, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("object_id", sa.String(length=200), nullable=False),
        sa.Column("occurred_at", WHEN, nullable=False),
        sa.Column("received_at", WHEN, nullable=False),
        sa.Column("replayed_at", WHEN, nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'running', 'succeeded', 'dead')", name=op.f("ck_events_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_events_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("connection", "key", name=op.f("uq_events_connection_key")),
    )
    op.create_index("ix_events_connection_received_at", "events", ["connection", "received_at"], unique=False)
    op.create_index(op.f("ix_events_contact_id"), "events", ["contact_id"], unique=False)
    op.create_index(
        "ix_events_due",
        "events",
        ["queue_name", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_events_leased",
        "events",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(op.f("ix_events_received_at"), "events", ["received_at"], unique=False)
    op.create_table(
        "review_tallies",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("segment", sa.String(length=10), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("bot_opened", sa.Boolean(), nullable=False),
        sa.CheckConstraint("segment IN ('promoter', 'passive', 'detractor')", name=op.f("ck_review_tallies_segment")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_review_tallies_contact_id")),
        sa.PrimaryKeyConstraint("platform", "segment", "contact_id", name=op.f("pk_review_tallies")),
    )
    op.create_index(
        "ix_review_tallies_report",
        "review_tallies",
        ["platform", "segment", "shown", "sent", "opened", "bot_opened"],
        unique=False,
    )
    op.create_table(
        "decisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("trigger", sa.String(length=140), nullable=False),
        sa.Column("survey", sa.String(length=40), nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("decided_at", WHEN, nullable=False),
        sa.Column("eligible_at", WHEN, nullable=True),
        sa.Column("earlier", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('yes', 'no', 'deferred', 'held', 'released', 'again')", name=op.f("ck_decisions_verdict")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_decisions_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_decisions_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("event_id", "trigger", name=op.f("uq_decisions_event_id_trigger")),
    )
    op.create_index(op.f("ix_decisions_contact_id"), "decisions", ["contact_id"], unique=False)
    op.create_index(op.f("ix_decisions_decided_at"), "decisions", ["decided_at"], unique=False)
    op.create_index(
        "ix_decisions_held",
        "decisions",
        ["trigger"],
        unique=False,
        sqlite_where=sa.text("verdict = 'held'"),
        postgresql_where=sa.text("verdict = 'held'"),
    )
    op.create_table(
        "event_subjects",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_subjects_event_id")),
        sa.PrimaryKeyConstraint("subject", "event_id", name=op.f("pk_event_subjects")),
    )
    op.create_index(op.f("ix_event_subjects_event_id"), "event_subjects", ["event_id"], unique=False)
    op.create_table(
        "survey_invitations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("survey", sa.String(length=40), nullable=False),
        sa.Column("touchpoint", sa.String(length=80), nullable=False),
        sa.Column("trigger", sa.String(length=140), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("event_id", BIG, nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("sent_at", WHEN, nullable=True),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("mailbox", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'sent', 'cancelled', 'shadow', 'imported')", name=op.f("ck_survey_invitations_state")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_survey_invitations_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_survey_invitations_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_invitations")),
    )
    op.create_index(op.f("ix_survey_invitations_contact_id"), "survey_invitations", ["contact_id"], unique=False)
    op.create_index("ix_survey_invitations_created_at", "survey_invitations", ["created_at"], unique=False)
    op.create_index("ix_survey_invitations_due_at", "survey_invitations", ["due_at"], unique=False)
    op.create_index(op.f("ix_survey_invitations_event_id"), "survey_invitations", ["event_id"], unique=False)
    op.create_index(
        "ix_survey_invitations_mailbox",
        "survey_invitations",
        ["mailbox"],
        unique=False,
        sqlite_where=sa.text("mailbox IS NOT NULL"),
        postgresql_where=sa.text("mailbox IS NOT NULL"),
    )
    op.create_index(
        "ix_survey_invitations_sent_at",
        "survey_invitations",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("sent_at IS NOT NULL"),
        postgresql_where=sa.text("sent_at IS NOT NULL"),
    )
    op.create_table(
        "responses",
        sa.Column("id", BIG, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("invitation_id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("survey", sa.String(length=40), nullable=False),
        sa.Column("touchpoint", sa.String(length=80), nullable=False),
        sa.Column("scale", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("do_not_contact", sa.Boolean(), nullable=False),
        sa.Column("follow_up", sa.JSON(), nullable=False),
        sa.Column("answered_at", WHEN, nullable=True),
        sa.Column("conflicting_at", WHEN, nullable=True),
        sa.Column("provisional_score", sa.Integer(), nullable=True),
        sa.Column("provisional_at", WHEN, nullable=True),
        sa.Column("provisional_bot_signals", sa.String(length=60), nullable=True),
        sa.CheckConstraint("score IS NULL OR (score >= 0 AND score <= 10)", name=op.f("ck_responses_score")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_responses_contact_id")),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name=op.f("fk_responses_invitation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_responses_invitation_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_responses_public_id")),
    )
    op.create_index("ix_responses_answered_at_survey", "responses", ["answered_at", "survey"], unique=False)
    op.create_index(op.f("ix_responses_contact_id"), "responses", ["contact_id"], unique=False)
    op.create_index(
        "ix_responses_to_confirm",
        "responses",
        ["provisional_at"],
        unique=False,
        sqlite_where=sa.text("revision = 0 AND provisional_score <= 6 AND provisional_bot_signals IS NULL"),
        postgresql_where=sa.text("revision = 0 AND provisional_score <= 6 AND provisional_bot_signals IS NULL"),
    )
    op.create_table(
        "cases",
        sa.Column("id", BIG, nullable=False),
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=300), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", WHEN, nullable=False),
        sa.Column("deadline", WHEN, nullable=True),
        sa.Column("changed_at", WHEN, nullable=True),
        sa.Column("solved_at", WHEN, nullable=True),
        sa.Column("first_reply_minutes", sa.Integer(), nullable=True),
        sa.Column("solve_minutes", sa.Integer(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("overdue_notified_at", WHEN, nullable=True),
        sa.Column("follow_up_id", BIG, nullable=True),
        sa.Column("recovered_at", WHEN, nullable=True),
        sa.Column("recovered_score", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'solved')", name=op.f("ck_cases_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_cases_contact_id")),
        sa.ForeignKeyConstraint(["follow_up_id"], ["survey_invitations.id"], name=op.f("fk_cases_follow_up_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_cases_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("response_id", name=op.f("uq_cases_response_id")),
    )
    op.create_index("ix_cases_connection_ticket_id", "cases", ["connection", "ticket_id"], unique=False)
    op.create_index(op.f("ix_cases_contact_id"), "cases", ["contact_id"], unique=False)
    op.create_index(op.f("ix_cases_follow_up_id"), "cases", ["follow_up_id"], unique=False)
    op.create_index("ix_cases_state_deadline", "cases", ["state", "deadline"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("queue_name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", WHEN, nullable=True),
        sa.Column("started_at", WHEN, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("invitation_id", BIG, nullable=True),
        sa.Column("response_id", BIG, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("depends_on_id", BIG, nullable=True),
        sa.Column("in_doubt", sa.Boolean(), nullable=False),
        sa.Column("hold_code", sa.String(length=40), nullable=True),
        sa.Column("hold_detail", sa.String(length=200), nullable=True),
        sa.Column("cancel_code", sa.String(length=40), nullable=True),
        sa.Column("error_kind", sa.String(length=20), nullable=True),
        sa.Column("receipt_id", sa.String(length=300), nullable=True),
        sa.Column("receipt_link", sa.String(), nullable=True),
        sa.Column("receipt_note", sa.String(), nullable=True),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("first_started_at", WHEN, nullable=True),
        sa.Column("finished_at", WHEN, nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'succeeded', 'skipped', 'dead', 'cancelled', 'held')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_deliveries_contact_id")),
        sa.ForeignKeyConstraint(["depends_on_id"], ["deliveries.id"], name=op.f("fk_deliveries_depends_on_id")),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name=op.f("fk_deliveries_invitation_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_deliveries_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index(op.f("ix_deliveries_contact_id"), "deliveries", ["contact_id"], unique=False)
    op.create_index(op.f("ix_deliveries_depends_on_id"), "deliveries", ["depends_on_id"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["queue_name", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_deliveries_invitation_id"), "deliveries", ["invitation_id"], unique=False)
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(op.f("ix_deliveries_response_id"), "deliveries", ["response_id"], unique=False)
    op.create_index("ix_deliveries_state_id", "deliveries", ["state", "id"], unique=False)
    op.create_index(
        "ix_deliveries_ticket",
        "deliveries",
        ["connection", "receipt_id"],
        unique=False,
        sqlite_where=sa.text("action = 'open_ticket'"),
        postgresql_where=sa.text("action = 'open_ticket'"),
    )
    op.create_table(
        "response_revisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("do_not_contact", sa.Boolean(), nullable=False),
        sa.Column("follow_up", sa.JSON(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_response_revisions_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_revisions")),
        sa.UniqueConstraint("response_id", "revision", name=op.f("uq_response_revisions_response_id_revision")),
    )
    op.create_table(
        "review_link_states",
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("segment", sa.String(length=10), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("bot_opened", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "segment IN ('promoter', 'passive', 'detractor')", name=op.f("ck_review_link_states_segment")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_review_link_states_contact_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_review_link_states_response_id")),
        sa.PrimaryKeyConstraint("response_id", "platform", name=op.f("pk_review_link_states")),
    )
    op.create_index(op.f("ix_review_link_states_contact_id"), "review_link_states", ["contact_id"], unique=False)
    op.create_table(
        "review_requests",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("until", WHEN, nullable=True),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_review_requests_response_id")),
        sa.PrimaryKeyConstraint("subject", "platform", name=op.f("pk_review_requests")),
    )
    op.create_index(op.f("ix_review_requests_response_id"), "review_requests", ["response_id"], unique=False)
    op.create_table(
        "visits",
        sa.Column("id", BIG, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("invitation_id", BIG, nullable=True),
        sa.Column("response_id", BIG, nullable=True),
        sa.Column("platform", sa.String(length=40), nullable=True),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("agent", sa.String(length=200), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("bot_signals", sa.String(length=60), nullable=True),
        sa.CheckConstraint("purpose IN ('survey', 'review', 'unsubscribe')", name=op.f("ck_visits_purpose")),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name=op.f("fk_visits_invitation_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_visits_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_at"), "visits", ["at"], unique=False)
    op.create_index(op.f("ix_visits_invitation_id"), "visits", ["invitation_id"], unique=False)
    op.create_index(op.f("ix_visits_response_id"), "visits", ["response_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("delivery_id", BIG, nullable=False),
        sa.Column("started_at", WHEN, nullable=False),
        sa.Column("finished_at", WHEN, nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.String(length=200), nullable=True),
        sa.Column("exchange", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_attempts_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_delivery_id"), "attempts", ["delivery_id"], unique=False)
    op.create_table(
        "bounces",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("mailbox", sa.String(length=64), nullable=True),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("delivery_id", BIG, nullable=True),
        sa.Column("status", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'complaint')", name=op.f("ck_bounces_kind")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_bounces_contact_id")),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_bounces_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("key", name=op.f("uq_bounces_key")),
    )
    op.create_index(op.f("ix_bounces_contact_id"), "bounces", ["contact_id"], unique=False)
    op.create_index(op.f("ix_bounces_delivery_id"), "bounces", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_bounces_mailbox"), "bounces", ["mailbox"], unique=False)
