"""Every column that can hold a text is registered for erasure, or is listed here with the reason why it need not be."""

from __future__ import annotations

import pytest
from sqlalchemy import Boolean, Date, Float, Integer

import nps_connect.ledger.all_tables  # noqa: F401
from nps_connect.ledger.columns import Base, UtcDateTime
from nps_connect.services.suppressions.personal_data import PERSONAL_TABLES

NO_PERSONAL_DATA = {
    "api_keys": "names and hashes of keys, and the members of staff who added them",
    "bounce_brakes": "counts of a connection",
    "counters": "counts of a day and a connection",
    "observations": "the newest facts about backups, requests and vendors",
    "daily_figures": "counts of a day, a survey and a group",
    "database_identity": "a random id and a counter",
    "figure_settings": "the configuration of dimensions and teams",
    "digests": "what became of a mail to staff, and how many received it",
    "score_alarms": "scores and counts of the company or a team",
    "staff_figures": "a decision of the company",
    "quotas": "names and numbers of vendors' quotas",
    "tokens": "encrypted credentials of connections",
    "users": "members of staff, whom `users remove` deletes",
    "user_sessions": "hashes of the sessions of members of staff",
    "user_links": "hashes of the links of members of staff",
    "sign_in_limits": "keyed hashes and counts",
    "workers": "processes of this product and their queues",
}
"""Tables of which no row concerns a customer, because they hold nothing but this."""

IDS = {"id", "key", "public_id", "vendor_id", "object_id", "ticket_id", "receipt_id", "request_id", "lease_token"}
CODES = {
    *("action", "actor_kind", "cancel_code", "command", "error_kind", "hold_code", "kind", "method", "outcome"),
    *("platform", "purpose", "reason_code", "scale", "segment", "state", "status", "verdict", "bot_signals"),
    *("provisional_bot_signals", "cause", "collected_by"),
}
CONFIGURED = {"connection", "queue_name", "scope", "source", "survey", "touchpoint", "trigger", "provisional_for"}

IMPERSONAL_COLUMNS = {
    "digest_opt_outs": {"mailbox": "a hash that keeps a digest away from a member of staff"},
    "approvals": {"plan_hash": "a hash", "planned_by": "an API key", "decided_by": "a member of staff"},
    "audit_log": {"actor_name": "a member of staff", "object": "ids and hashes"},
    "bounces": {"mailbox": "a hash"},
    "case_entries": {
        "actor_name": "a member of staff",
        "call_outcome": "one of a closed list",
        "remedies": "of a closed list",
    },
    "cases": {"remedies": "of a closed list"},
    "cooldowns": {"subject": "an id or a hash"},
    "decisions": {"reason": "one of a closed list"},
    "deliveries": {"receipt_link": "the address of a record at the vendor, by its id"},
    "event_subjects": {"subject": "an id or a hash"},
    "idempotency_keys": {"request_hash": "a hash"},
    "jobs": {"name": "configured"},
    "problems": {
        "cause_kind": "one of a closed list",
        "concerned": "configured names of groups",
        "owner": "a member of staff",
        "opened_by": "a member of staff",
        "fix_entered_by": "a member of staff",
        "closed_by": "a member of staff",
        "before": "days",
        "evaluation": "counts of groups",
    },
    "raw_requests": {"url": "our own address"},
    "response_revisions": {"language": "of the page"},
    "comment_themes": {"theme": "one of a closed list"},
    "responses": {"language": "of the page", "classified_by": "a hash of word lists, or the name of a connection"},
    "response_dimensions": {"name": "configured", "value": "a group of the response, which stays countable with it"},
    "review_requests": {"subject": "an id or a hash"},
    "survey_invitations": {"language": "of the mail", "mailbox": "a hash"},
    "suppressions": {"subject": "an id or a hash", "reason": "one of a closed list"},
}
"""Columns of registered tables that hold no personal data, because they hold nothing but this."""


def text_columns(table) -> set[str]:
    """Every column but numbers and times, so that a new type of column counts."""
    return {c.name for c in table.c if not isinstance(c.type, (Boolean, Date, Float, Integer, UtcDateTime))}


@pytest.mark.parametrize("name", sorted(Base.metadata.tables))
def test_every_text_column_is_emptied_by_an_erasure_or_holds_no_personal_data(name):
    entries = [entry for entry in PERSONAL_TABLES if entry.table.__tablename__ == name]
    assert bool(entries) != (name in NO_PERSONAL_DATA)
    if entries:
        emptied = set().union(*(entry.emptied for entry in entries))
        impersonal = IDS | CODES | CONFIGURED | set(IMPERSONAL_COLUMNS.get(name, ()))
        assert text_columns(Base.metadata.tables[name]) - emptied - impersonal == set()


def test_the_lists_name_only_what_exists():
    tables = Base.metadata.tables
    assert NO_PERSONAL_DATA.keys() | IMPERSONAL_COLUMNS.keys() <= tables.keys()
    unknown = {name: set(columns) - text_columns(tables[name]) for name, columns in IMPERSONAL_COLUMNS.items()}
    assert {name: columns for name, columns in unknown.items() if columns} == {}
