"""One item passes through few packages, files and functions, and never calls a package above the one it is in."""

from __future__ import annotations

import pytest
from support.package_trace import render_report, trace_items
from support.sqlite_files import copy_database

from nps_connect.ledger.ledger import Ledger

CEILINGS = {
    "webhook to invitation": {"pairs": 4, "upward": 0, "files": 29, "functions": 135},
    "send_survey": {"pairs": 2, "upward": 0, "files": 31, "functions": 122},
    "submission": {"pairs": 5, "upward": 0, "files": 24, "functions": 89},
    "write_score": {"pairs": 2, "upward": 0, "files": 16, "functions": 50},
    "open_ticket": {"pairs": 3, "upward": 0, "files": 27, "functions": 87},
}
"""Only ever lowered, but for what a feature adds: a ticket names the contact's owner and
enqueues the outcome of its case; whether a hook's result fits has a file of its own.
``make trace`` prints the figures and what they count."""


@pytest.fixture(scope="module")
def traces(sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "ledger.db"
    copy_database(sqlite_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    yield trace_items(ledger)
    ledger.close()


@pytest.mark.parametrize("name", CEILINGS)
def test_an_item_s_path_stays_within_its_ceilings(name, traces):
    ceilings = CEILINGS[name]
    exceeded = {figure: count for figure, count in traces[name].figures.items() if count > ceilings[figure]}
    assert exceeded == {}, render_report({name: traces[name]})
