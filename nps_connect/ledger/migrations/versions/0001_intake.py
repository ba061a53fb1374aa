"""The tables of intake: raw requests, events, contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forwards."""
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
        sa.ForeignKeyConstraint(["merged_into"], ["contacts.id"], name="fk_contacts_merged_into"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("connection", "vendor_id", name="uq_contacts_connection_vendor_id"),
    )
    op.create_index("ix_contacts_mailbox", "contacts", ["mailbox"])
    op.create_index("ix_contacts_merged_into", "contacts", ["merged_into"])
    op.create_table(
        "raw_requests",
        sa.Column("lane", sa.String(length=120), nullable=False),
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
        sa.Column("events_known", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'running', 'succeeded', 'dead')", name=op.f("ck_raw_requests_state")),
        sa.PrimaryKeyConstraint("id", name="pk_raw_requests"),
    )
    op.create_index(
        "ix_raw_requests_due",
        "raw_requests",
        ["lane", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_raw_requests_leased",
        "raw_requests",
        ["lease_until"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_raw_requests_unreadable",
        "raw_requests",
        ["connection", "id"],
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_table(
        "events",
        sa.Column("lane", sa.String(length=120), nullable=False),
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
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_events_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("connection", "key", name="uq_events_connection_key"),
    )
    op.create_index("ix_events_connection_received_at", "events", ["connection", "received_at"])
    op.create_index("ix_events_contact_id", "events", ["contact_id"])
    op.create_index(
        "ix_events_due",
        "events",
        ["lane", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_events_leased",
        "events",
        ["lease_until"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_events_received_at", "events", ["received_at"])
