"""The SQL views: stable columns, true figures against a plain reference, nothing of erased people or single employees."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text
from sqlmodel import col
from support.application import ApplicationHarness

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow
from nps_connect.ledger.views import VIEWS
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.sandbox.demo_purchases import build_purchases
from nps_connect.sandbox.demo_rows import answered_at
from nps_connect.services.suppressions.erasure import erase_contacts

PAGE = Path(__file__).parents[2] / "docs" / "open-data.md"
QUERIES = re.findall(r"```sql(?: title=\"([\w ,]+)\")?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

COLUMNS = {
    "v_nps_daily": "day survey dimension value responses promoters passives detractors",
    "v_responses": "response_id survey touchpoint scale score segment comment language collected_by sent_at answered_at "
    "revision do_not_contact connection contact_id location",
    "v_deliveries": "delivery_key connection action state in_doubt reason attempts created_at due_at started_at "
    "finished_at response_id",
    "v_decisions": "event_key connection event_kind occurred_at trigger_name survey verdict reason decided_at eligible_at",
    "v_cases": "response_id survey touchpoint score state opened_at deadline solved_at first_reply_minutes solve_minutes "
    "reopened recovered_at recovered_score location remedies",
}
"""A promise to those who build on the views: columns are only ever added, at the end."""


@pytest.fixture
def filled(ledger, clock) -> ApplicationHarness:
    dimensions = {"location": "shop", "owner": "owner", "product-line": "product"}
    teams = {"small": {"where": "location == 'Lille'", "members": ["julie@example.com"]}}
    app = ApplicationHarness(ledger, clock, {"core": {"dimensions": dimensions}, "teams": teams})
    insert_demo_history(app.ctx, responses=60)
    return app


def rows(ledger: Ledger, query: str) -> list[dict[str, Any]]:
    with ledger.read() as session:
        return [dict(row) for row in session.execute(text(query)).mappings()]


@pytest.mark.parametrize("view", COLUMNS)
def test_columns_are_stable(ledger, view):
    names = [column["name"] for column in inspect(ledger.engine).get_columns(view)]
    promised = COLUMNS[view].split()
    assert names[: len(promised)] == promised
    assert names == list(VIEWS[view].columns)


def test_every_view_is_promised():
    assert COLUMNS.keys() == VIEWS.keys()


def test_views_agree_with_what_was_put_in(filled):
    ledger, purchases = filled.ledger, build_purchases(filled.clock(), 60, 1)
    answers = [purchase for purchase in purchases if purchase.outcome in ("answered", "imported")]
    expected = sorted((purchase.score, purchase.comment or "", purchase.collected_by) for purchase in answers)
    responses = rows(ledger, "SELECT * FROM v_responses")
    assert sorted((row["score"], row["comment"] or "", row["collected_by"]) for row in responses) == expected
    zone = filled.ctx.settings.core.zone
    per_day = Counter(
        (str(answered_at(answer).astimezone(zone).date()), "promoter" if answer.score >= 9 else "other")
        for answer in answers
    )
    daily = rows(ledger, "SELECT * FROM v_nps_daily WHERE dimension = 'touchpoint'")
    assert {
        (str(row["day"]), name): number
        for row in daily
        for name, number in (("promoter", row["promoters"]), ("other", row["passives"] + row["detractors"]))
        if number
    } == per_day
    detractors = [answer for answer in answers if answer.outcome == "answered" and answer.score <= 6]
    assert len(rows(ledger, "SELECT * FROM v_cases")) == len(detractors)
    reasons = Counter(row["reason"] for row in rows(ledger, "SELECT * FROM v_decisions"))
    assert reasons["cooldown"] == sum(purchase.outcome == "in_cooldown" for purchase in purchases)
    surveys = rows(ledger, "SELECT * FROM v_deliveries WHERE action = 'send_survey'")
    scored = sum(purchase.score is not None for purchase in purchases if purchase.outcome != "imported")
    assert sum(row["response_id"] is not None for row in surveys) == scored


def test_an_erasure_empties_what_the_views_show(filled):
    with filled.ledger.read() as session:
        commented = rows(filled.ledger, "SELECT contact_id FROM v_responses WHERE comment IS NOT NULL")
        query = select(ContactRow).where(col(ContactRow.vendor_id) == commented[0]["contact_id"])
        contact = session.execute(query).scalar_one()
    before = rows(filled.ledger, "SELECT * FROM v_nps_daily")
    with filled.ledger.write() as session:
        erase_contacts(filled.ctx, session, [contact], source="test")
    shown = str([rows(filled.ledger, f"SELECT * FROM {view}") for view in VIEWS])
    assert contact.vendor_id not in shown
    assert contact.email not in shown
    assert rows(filled.ledger, "SELECT * FROM v_nps_daily") == before, "figures stay"


def test_views_have_no_address_and_no_figure_about_single_employees(filled):
    shown = str([rows(filled.ledger, f"SELECT * FROM {view}") for view in VIEWS])
    assert "client-" in shown
    assert "@example.com" not in re.sub(r"<b>.*?</b>", "", shown)
    assert "Perrin" not in shown
    assert "small" not in shown


def test_figures_by_location_are_those_of_the_responses(filled):
    per_shop = Counter(row["location"] for row in rows(filled.ledger, "SELECT location FROM v_responses"))
    daily = "SELECT dimension, value, SUM(responses) AS number FROM v_nps_daily GROUP BY dimension, value"
    figures = {(row["dimension"], row["value"]): row["number"] for row in rows(filled.ledger, daily)}
    assert {shop: number for (name, shop), number in figures.items() if name == "location"} == per_shop
    assert {name for name, _ in figures} == {"touchpoint", "language", "collected_by", "location", "product-line"}
    assert sum(number for (name, _), number in figures.items() if name == "product-line") == per_shop.total()


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_queries_of_the_page_run_on_their_database(filled, title, query):
    other_database = "PostgreSQL" if filled.ledger.is_sqlite else "SQLite"
    if other_database in title:
        return
    with filled.ledger.engine.connect() as connection:  # and rolled back
        for statement in filter(None, map(str.strip, query.split(";"))):
            result = connection.exec_driver_sql(statement)
        assert result.all()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_of_the_page_reads_the_file_read_only(filled):
    [(address, query)] = re.findall(r"^sqlite3 '(.+?)' '(.+?)'$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    path = Path(filled.ledger.engine.url.database)
    with closing(sqlite3.connect(address.replace("nps-connect.db", str(path)), uri=True)) as connection:
        assert len(connection.execute(query).fetchall()) == 10
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM responses")
