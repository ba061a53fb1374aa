"""The commands of docs/recurring.md, with a recurring survey in its first run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select, update
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import copy_database

from nps_connect import Contact
from nps_connect.connection import system_clock
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow
from nps_connect.services.contacts.contact_batch import upsert_contacts

RECURRING = {"relationship": {"channel": "mail", "every": "6 months", "population": {"from": "mail"}}}
TABLES = """
[surveys.relationship]
channel = "mail"
every = "6 months"
population = { from = "mail" }
"""
PAGE = Path(__file__).parents[2] / "docs" / "recurring.md"


@pytest.fixture
def schedule_cli(configured_cli, sqlite_template):
    """A configuration with a recurring survey of 40 people, which a worker has counted."""
    config = configured_cli.folder / "nps-connect.toml"
    config.write_text(config.read_text() + TABLES)
    path = configured_cli.folder / "nps-connect.db"
    copy_database(sqlite_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    application = ApplicationHarness(
        ledger, ManualClock(system_clock()), {"surveys": RECURRING, "core": {"mode": "shadow"}}
    )
    with ledger.write() as session:
        people = [Contact(connection="mail", id=str(number), email=f"{number}@example.com") for number in range(40)]
        upsert_contacts(session, people, system_clock())
    configured_cli.count = lambda: application.run(only="mail/poll")
    configured_cli.ledger = ledger
    yield configured_cli
    ledger.close()


def test_documented_commands_show_and_release_the_first_run(schedule_cli):
    page = PAGE.read_text(encoding="utf-8")
    upcoming, release = "surveys upcoming relationship", "triggers release schedule:relationship"
    assert f"nps-connect {upcoming}" in page
    assert f"nps-connect {release}" in page
    assert "not counted yet" in schedule_cli(*upcoming.split()).out
    refused = schedule_cli(*release.split(), "--yes")
    assert (refused.code, "has not been counted yet" in refused.err) == (1, True)
    schedule_cli.count()
    shown = schedule_cli(*upcoming.split()).out
    assert "relationship: every 6 months, contacts of mail; 40 people" in shown
    assert "waits for its first release" in shown
    [row] = json.loads(schedule_cli(*upcoming.split(), "--json").out)
    assert (row["held"], row["people"], len(row["days"])) == ("first_run", 40, 30)
    assert "people-held" in schedule_cli("status", "--json").out
    assert "Recurring survey relationship has 40 customers" in schedule_cli(*release.split(), "--dry-run").out
    assert "waits for its first release" in schedule_cli(*upcoming.split()).out
    assert schedule_cli(*release.split(), "--yes").code == 0
    assert "waits for its first release" not in schedule_cli(*upcoming.split()).out
    with schedule_cli.ledger.read() as session:
        audited = session.execute(select(AuditRow.command, AuditRow.object)).all()
    assert audited == [("triggers release", "trigger:schedule:relationship")]


def test_a_population_of_nobody_is_not_released(schedule_cli):
    with schedule_cli.ledger.write() as session:
        session.execute(update(ContactRow).values(erased_at=system_clock()))
    schedule_cli.count()
    refused = schedule_cli("triggers", "release", "schedule:relationship", "--yes")
    assert (refused.code, "'schedule:relationship' has nobody" in refused.err) == (1, True)
    assert "waits for its first release" in schedule_cli("surveys", "upcoming", "relationship").out


def test_trigger_of_a_recurring_survey_is_listed_and_an_unknown_survey_is_refused(schedule_cli):
    rows = json.loads(schedule_cli("triggers", "list", "--json").out)["items"]
    assert ("schedule:relationship", "schedule.due") in {(row["name"], row["on"]) for row in rows}
    refused = schedule_cli("surveys", "upcoming", "relationships")
    assert (refused.code, "'relationship'" in refused.err) == (2, True)
