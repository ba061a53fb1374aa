from __future__ import annotations

import pytest
from support.application import ApplicationHarness

TEAMS = {
    "lyon": {
        "where": "touchpoint == 'after-purchase'",
        "members": ["anna@example.com", "bob@example.com", "carl@example.com"],
        "label": {"fr": "Lyon"},
    },
    "empty": {"where": "touchpoint == 'elsewhere'", "members": ["dora@example.com", "e@example.com", "f@example.com"]},
}
DIGEST = {"management": ["boss@example.com", "Second@example.com"], "teams": ["lyon"]}


@pytest.fixture
def build(ledger, clock):
    """Build an application with a weekly digest on Monday at 8:00 in Paris, and changes."""

    def build_application(**change) -> ApplicationHarness:
        return ApplicationHarness(ledger, clock, {"digest": DIGEST, "teams": TEAMS, **change})

    return build_application
