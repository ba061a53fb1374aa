"""The tables of the walk, from decision to attempt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "event_people",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_event_people_event_id"),
        sa.PrimaryKeyConstraint("subject", "event_id", name="pk_event_people"),
    )
    op.create_index("ix_event_people_event_id", "event_people", ["event_id"])
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
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_decisions_contact_id"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_decisions_event_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("event_id", "trigger", name="uq_decisions_event_id_trigger"),
    )
    op.create_index("ix_decisions_contact_id", "decisions", ["contact_id"])
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])
    op.create_index(
        "ix_decisions_held",
        "decisions",
        ["trigger"],
        sqlite_where=sa.text("verdict = 'held'"),
        postgresql_where=sa.text("verdict = 'held'"),
    )
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
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_survey_invitations_contact_id"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_survey_invitations_event_id"),
        sa.PrimaryKeyConstraint("id", name="pk_survey_invitations"),
    )
    op.create_index("ix_survey_invitations_contact_id", "survey_invitations", ["contact_id"])
    op.create_index("ix_survey_invitations_created_at", "survey_invitations", ["created_at"])
    op.create_index("ix_survey_invitations_due_at", "survey_invitations", ["due_at"])
    op.create_index("ix_survey_invitations_event_id", "survey_invitations", ["event_id"])
    for column in ("mailbox", "sent_at"):
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_survey_invitations_{column}",
            "survey_invitations",
            [column],
            sqlite_where=known,
            postgresql_where=known,
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
        sa.Column("contested_at", WHEN, nullable=True),
        sa.Column("provisional_score", sa.Integer(), nullable=True),
        sa.Column("provisional_at", WHEN, nullable=True),
        sa.Column("provisional_signs", sa.String(length=60), nullable=True),
        sa.CheckConstraint("score IS NULL OR (score >= 0 AND score <= 10)", name=op.f("ck_responses_score")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_responses_contact_id"),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name="fk_responses_invitation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_responses"),
        sa.UniqueConstraint("invitation_id", name="uq_responses_invitation_id"),
        sa.UniqueConstraint("public_id", name="uq_responses_public_id"),
    )
    op.create_index("ix_responses_answered_at_survey", "responses", ["answered_at", "survey"])
    op.create_index("ix_responses_contact_id", "responses", ["contact_id"])
    low = sa.text("revision = 0 AND provisional_score <= 6 AND provisional_signs IS NULL")
    op.create_index("ix_responses_to_confirm", "responses", ["provisional_at"], sqlite_where=low, postgresql_where=low)
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
        sa.Column("overdue_told_at", WHEN, nullable=True),
        sa.Column("follow_up_id", BIG, nullable=True),
        sa.Column("recovered_at", WHEN, nullable=True),
        sa.Column("recovered_score", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'solved')", name=op.f("ck_cases_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_cases_contact_id"),
        sa.ForeignKeyConstraint(["follow_up_id"], ["survey_invitations.id"], name="fk_cases_follow_up_id"),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_cases_response_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("response_id", name="uq_cases_response_id"),
    )
    op.create_index("ix_cases_connection_ticket_id", "cases", ["connection", "ticket_id"])
    op.create_index("ix_cases_contact_id", "cases", ["contact_id"])
    op.create_index("ix_cases_follow_up_id", "cases", ["follow_up_id"])
    op.create_index("ix_cases_state_deadline", "cases", ["state", "deadline"])
    op.create_table(
        "deliveries",
        sa.Column("lane", sa.String(length=120), nullable=False),
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
        sa.Column("after_id", BIG, nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.String(length=200), nullable=True),
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
        sa.ForeignKeyConstraint(["after_id"], ["deliveries.id"], name="fk_deliveries_after_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_deliveries_contact_id"),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name="fk_deliveries_invitation_id"),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_deliveries_response_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("key", name="uq_deliveries_key"),
    )
    op.create_index("ix_deliveries_after_id", "deliveries", ["after_id"])
    op.create_index("ix_deliveries_contact_id", "deliveries", ["contact_id"])
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["lane", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_deliveries_invitation_id", "deliveries", ["invitation_id"])
    op.create_index(
        "ix_deliveries_leased",
        "deliveries",
        ["lease_until"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_deliveries_response_id", "deliveries", ["response_id"])
    op.create_index("ix_deliveries_state_id", "deliveries", ["state", "id"])
    op.create_index(
        "ix_deliveries_ticket",
        "deliveries",
        ["connection", "receipt_id"],
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
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_response_revisions_response_id"),
        sa.PrimaryKeyConstraint("id", name="pk_response_revisions"),
        sa.UniqueConstraint("response_id", "revision", name="uq_response_revisions_response_id_revision"),
    )
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
        sa.Column("signs", sa.String(length=60), nullable=True),
        sa.CheckConstraint("purpose IN ('survey', 'review', 'unsubscribe')", name=op.f("ck_visits_purpose")),
        sa.ForeignKeyConstraint(["invitation_id"], ["survey_invitations.id"], name="fk_visits_invitation_id"),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_visits_response_id"),
        sa.PrimaryKeyConstraint("id", name="pk_visits"),
    )
    op.create_index("ix_visits_at", "visits", ["at"])
    op.create_index("ix_visits_invitation_id", "visits", ["invitation_id"])
    op.create_index("ix_visits_response_id", "visits", ["response_id"])
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
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_attempts_delivery_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])
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
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_bounces_contact_id"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_bounces_delivery_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bounces"),
        sa.UniqueConstraint("key", name="uq_bounces_key"),
    )
    op.create_index("ix_bounces_contact_id", "bounces", ["contact_id"])
    op.create_index("ix_bounces_delivery_id", "bounces", ["delivery_id"])
    op.create_index("ix_bounces_mailbox", "bounces", ["mailbox"])
