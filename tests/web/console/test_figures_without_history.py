"""Pages of figures of a company that has no responses yet, one, or provisional ones only."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import delete, update
from sqlmodel import col
from support.console import ConsoleClient

from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.daily_figures import DailyFigureRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.sandbox.demo_history import insert_demo_history

PATHS = ("/console/overview", "/console/explore", "/console/responses")


BAD_QUERIES = (
    {"from": "yesterday"},
    {"from": "2026-05-01", "until": "2026-04-01"},
    {"segment": "angry"},
    {"score": "11"},
    {"survey": "x" * 5000},
    {"after": "not-a-cursor"},
    {f"d.name{number}": "x" for number in range(50)},
)


def test_new_company_sees_what_will_appear(admin_client: ConsoleClient) -> None:
    for path in PATHS:
        page = admin_client.get(path)
        assert page.status_code == 200
        assert "No responses" in page.text


def test_filter_that_cannot_be_used_is_named(admin_client: ConsoleClient) -> None:
    for query in BAD_QUERIES:
        response = admin_client.get("/console/responses?" + urlencode(query))
        assert response.status_code == 400
        assert "This filter cannot be used" in response.text


def test_provisional_scores_count_in_no_figure(harness, admin_client) -> None:
    insert_demo_history(harness.app.ctx, responses=20)
    with harness.ledger.write() as session:
        session.execute(delete(CaseEntryRow))
        session.execute(delete(CaseRow))
        session.execute(delete(DailyFigureRow))
        session.execute(
            update(ResponseRow)
            .where(col(ResponseRow.revision) > 0)
            .values(
                revision=0, score=None, provisional_score=9, provisional_at=ResponseRow.answered_at, answered_at=None
            )
        )
    page = admin_client.get("/console/overview?period=12-months").text
    assert "No responses yet." in page
    assert "not confirmed yet and do not count" in page
    for path in PATHS:
        assert admin_client.get(path).status_code == 200


def test_one_response_is_no_score(harness, admin_client) -> None:
    insert_demo_history(harness.app.ctx, responses=1)
    page = admin_client.get("/console/overview?period=12-months").text
    assert "1 response: too few to judge." in page or "No responses yet." in page
    assert admin_client.get("/console/explore?period=12-months").status_code == 200
