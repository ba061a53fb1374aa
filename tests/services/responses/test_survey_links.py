"""What a survey link costs: nothing without our signature, else one search of a unique index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from nps_connect.records.pages import SurveyPageRequest
from nps_connect.services.links import Links, ReviewLink

Statement = tuple[str, object]


@pytest.fixture
def statements(ledger) -> Iterator[list[Statement]]:
    """The SQL statements that run, with their parameters."""
    executed: list[Statement] = []

    def record_statement(_connection, _cursor, statement, parameters, *_):
        executed.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", record_statement)
    yield executed
    event.remove(ledger.engine, "before_cursor_execute", record_statement)


def test_a_forged_link_is_refused_without_a_look_into_the_database(application, statements):
    forged = Links("https://nps.example.com", ["another-key"])
    statements.clear()
    visit = SurveyPageRequest(forged.survey("0" * 32), application.visit())
    assert application.backend.build_survey_pages([visit])[0].state == "unknown"
    assert application.backend.record_visits([visit]) == ["unknown"]
    review = forged.review(ReviewLink("r-1", "stars", "mail"))
    assert application.backend.resolve_review_link(review, application.visit()) is None
    assert application.backend.unsubscribe(forged.unsubscribe("0" * 64)).state == "unknown"
    assert statements == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL plans by what the tables hold
def test_a_survey_link_is_looked_up_by_its_unique_index(application, statements):
    token = application.surveyed()
    statements.clear()
    assert application.show(token, application.visit()).state == "open"
    lookups = [statement for statement in statements if "FROM survey_invitations" in statement[0]]
    assert len(lookups) == 2  # one logs the visit, one builds the page
    with application.ledger.engine.connect() as connection:
        for statement, parameters in lookups:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            assert any("ix_survey_invitations_public_id" in str(row) for row in plan)
