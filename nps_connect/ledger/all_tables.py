"""Import every module that declares tables, so that `Base.metadata` is complete."""

# ruff: noqa: F401

from nps_connect.ledger import (
    api_keys,
    approvals,
    audit_log,
    cases,
    comment_search,
    comment_themes,
    cooldowns,
    counters,
    daily_figures,
    digests,
    identity,
    observations,
    pauses,
    problems,
    quotas,
    response_dimensions,
    review_report,
    review_requests,
    staff_figures,
    subjects,
    suppressions,
    tables,
    tokens,
    users,
    workers,
)
