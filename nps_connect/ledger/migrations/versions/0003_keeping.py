"""The tables that keep the house in order."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "breakers",
        sa.Column("scope", sa.String(length=140), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("open_until", WHEN, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("scope", name="pk_breakers"),
    )
    op.create_table(
        "cooldowns",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("until", WHEN, nullable=False),
        sa.Column("invitation_id", BIG, nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_cooldowns"),
    )
    op.create_index("ix_cooldowns_invitation_id", "cooldowns", ["invitation_id"])
    op.create_table(
        "counters",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "name", "connection", name="pk_counters"),
    )
    op.create_table(
        "jobs",
        sa.Column("lane", sa.String(length=120), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("name", name="uq_jobs_name"),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["lane", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_jobs_leased",
        "jobs",
        ["lease_until"],
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
        sa.PrimaryKeyConstraint("scope", name="pk_pauses"),
    )
    op.create_table(
        "quotas",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", WHEN, nullable=False),
        sa.Column("paused_until", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("connection", "name", name="pk_quotas"),
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
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
        sa.UniqueConstraint("subject", "reason", name="uq_suppressions_subject_reason"),
    )
    op.create_table(
        "tokens",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("locked_by", sa.String(length=40), nullable=True),
        sa.Column("locked_until", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("connection", "name", name="pk_tokens"),
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
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "review_tallies",
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("segment", sa.String(length=10), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.CheckConstraint("segment IN ('promoter', 'passive', 'detractor')", name=op.f("ck_review_tallies_segment")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_review_tallies_contact_id"),
        sa.PrimaryKeyConstraint("platform", "segment", "contact_id", name="pk_review_tallies"),
    )
    op.create_index(
        "ix_review_tallies_audit", "review_tallies", ["platform", "segment", "shown", "sent", "opened", "machine"]
    )
    op.create_table(
        "review_accounts",
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("contact_id", BIG, nullable=False),
        sa.Column("segment", sa.String(length=10), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.CheckConstraint("segment IN ('promoter', 'passive', 'detractor')", name=op.f("ck_review_accounts_segment")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_review_accounts_contact_id"),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_review_accounts_response_id"),
        sa.PrimaryKeyConstraint("response_id", "platform", name="pk_review_accounts"),
    )
    op.create_index("ix_review_accounts_contact_id", "review_accounts", ["contact_id"])
    op.create_table(
        "review_asks",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("response_id", BIG, nullable=False),
        sa.Column("until", WHEN, nullable=True),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_review_asks_response_id"),
        sa.PrimaryKeyConstraint("subject", "platform", name="pk_review_asks"),
    )
    op.create_index("ix_review_asks_response_id", "review_asks", ["response_id"])
