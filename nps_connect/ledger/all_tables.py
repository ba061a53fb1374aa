"""Import every module that declares tables, so that `Base.metadata` is complete."""

# ruff: noqa: F401

from nps_connect.ledger import (
    bounces,
    cases,
    cooldowns,
    counters,
    event_subjects,
    identity,
    jobs,
    pauses,
    quotas,
    review_tables,
    suppressions,
    tables,
    tokens,
    workers,
)
