"""`nps-connect cases list`: open, overdue, solved and recovered cases with median times."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from nps_connect.cli.cases.list import _format_duration
from nps_connect.connection import system_clock
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow


@pytest.fixture
def with_cases(seeded_cli):
    """The seeded database with four cases: open, overdue, solved, recovered."""
    now = system_clock()
    ledger = Ledger(f"sqlite:///{seeded_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        responses = list(session.execute(select(ResponseRow).order_by(ResponseRow.id)).scalars())
        states = [
            {"deadline": now + timedelta(days=1), "owner": "17"},
            {"deadline": now - timedelta(hours=1)},
            {"state": "solved", "solved_at": now, "first_reply_minutes": 30, "solve_minutes": 200},
            {
                "state": "solved",
                "solved_at": now,
                "first_reply_minutes": 90,
                "solve_minutes": 3000,
                "recovered_at": now,
                "recovered_score": 9,
            },
        ]
        for number, (response, fields) in enumerate(zip(responses, states, strict=True)):
            session.add(
                CaseRow(
                    response_id=response.id,
                    contact_id=response.contact_id,
                    connection="helpdesk",
                    ticket_id=str(number),
                    opened_at=now - timedelta(days=number),
                    **fields,
                )
            )
    ledger.close()
    return seeded_cli


def test_json_cases_have_stable_keys(with_cases):
    cases = json.loads(with_cases("cases", "list", "--json").out)["items"]
    identity = {"id", "response", "state", "score", "survey", "contact", "person", "owner", "handled_by", "connection"}
    identity |= {"ticket_id", "ticket_link", "assigned_to", "solved_by", "next_contact_at", "remedies"}
    history = {"opened_at", "deadline", "solved_at", "reopened", "recovered_at", "recovered_score", "follow_up_planned"}
    durations = {"first_reply_minutes", "solve_minutes"}
    assert [set(case) for case in cases] == [identity | history | durations] * 4


def test_json_contains_summary_and_cases(with_cases):
    output = json.loads(with_cases("cases", "list", "--json").out)
    assert output["summary"] == {
        "cases": 4,
        "open": 2,
        "overdue": 1,
        "solved": 2,
        "recovered": 1,
        "recovered_share": 0.25,
        "median_first_reply_minutes": 60,
        "median_solve_minutes": 1600,
    }
    assert [row["state"] for row in output["items"]] == ["open", "overdue", "solved", "recovered"]
    assert output["items"][0]["owner"] == "17"
    assert output["items"][3]["recovered_score"] == 9


def test_table_contains_states_and_medians(with_cases):
    out = with_cases("cases", "list").out
    assert "overdue" in out
    assert "median first reply    1h00m" in out
    assert "median time to solve  1d2h" in out


@pytest.mark.parametrize(
    ("state", "tickets"),
    [("open", ["0", "1"]), ("overdue", ["1"]), ("solved", ["2", "3"]), ("recovered", ["3"])],
)
def test_state_filters_cases(with_cases, state, tickets):
    output = json.loads(with_cases("cases", "list", "--state", state, "--json").out)
    assert [row["ticket_id"] for row in output["items"]] == tickets


def test_limit_hints_at_the_next_page(with_cases):
    assert "--cursor " in with_cases("cases", "list", "--limit", "1").out


def test_no_cases(seeded_cli):
    assert seeded_cli("cases", "list").out == "no cases\n"
    assert json.loads(seeded_cli("report", "--json").out)["cases"] == {"opened": 0, "solved": 0, "recovered": 0}


def test_report_counts_cases(with_cases):
    assert json.loads(with_cases("report", "--json").out)["cases"] == {"opened": 4, "solved": 2, "recovered": 1}
    assert json.loads(with_cases("report", "--since", "36h", "--json").out)["cases"]["opened"] == 2
    assert json.loads(with_cases("report", "--survey", "after-purchase", "--json").out)["cases"]["opened"] == 4
    assert "4 cases opened, 2 solved, 1 recovered" in with_cases("report").out


@pytest.mark.parametrize(("minutes", "text"), [(None, None), (0, "0m"), (59, "59m"), (60, "1h00m"), (3000, "2d2h")])
def test_durations_are_formatted_for_people(minutes, text):
    assert _format_duration(minutes) == text
