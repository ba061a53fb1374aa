"""Retention: what is old is forgotten in small steps; figures survive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from nps_connect.ledger.operational_tables import CounterRow
from nps_connect.ledger.tables import (
    AttemptRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    PageViewRow,
    RawRequest,
    ResponseRow,
    RevisionRow,
)
from nps_connect.services.operations.retention import IDLE_INTERVAL, STEP_INTERVAL, apply_retention, truncate_address


@pytest.fixture
def walked(application):
    application.answer(application.surveyed(), 2, "Non")
    application.run()
    with application.ledger.write() as session:
        session.add(
            PageViewRow(
                purpose="survey", method="GET", at=application.clock(), address="192.0.2.77", agent="Mozilla/5.0 (X)"
            )
        )
    return application


def forget(application) -> None:
    memo: dict = {}
    while apply_retention(application.ctx, memo) == STEP_INTERVAL:
        pass


def one(application, query):
    with application.ledger.read() as session:
        return session.execute(query).scalars().first()


def test_nothing_is_forgotten_before_its_time(walked):
    walked.clock.forward("6d")
    assert apply_retention(walked.ctx, {}) == IDLE_INTERVAL
    assert one(walked, select(RawRequest.body))
    assert one(walked, select(PageViewRow.address).where(PageViewRow.agent.is_not(None))) == "192.0.2.77"
    assert one(walked, select(ResponseRow.comment)) == "Non"


def test_everything_is_forgotten_in_its_time_and_figures_survive(walked):
    before = one(walked, select(func.count()).select_from(DecisionRow))
    walked.clock.forward("8d")
    forget(walked)
    visit = one(walked, select(PageViewRow).where(PageViewRow.agent == "Mozilla"))
    assert visit.address == "192.0.2.0"
    walked.clock.forward("30d")
    forget(walked)
    assert one(walked, select(RawRequest.body)) == b""
    assert one(walked, select(RawRequest.events_new)) == 1
    walked.clock.forward("90d")
    forget(walked)
    assert one(walked, select(func.count()).select_from(AttemptRow)) == 0
    walked.clock.forward("400d")
    forget(walked)
    assert one(walked, select(func.count()).select_from(DecisionRow)) == 0
    assert one(walked, select(func.sum(CounterRow.count)).where(CounterRow.name.like("decision_yes_%"))) == before
    walked.clock.forward("400d")
    forget(walked)
    assert one(walked, select(ResponseRow.comment)) is None
    assert one(walked, select(func.count()).select_from(RevisionRow).where(RevisionRow.comment.is_not(None))) == 0
    assert one(
        walked,
        select(func.count())
        .select_from(DeliveryRow)
        .where(DeliveryRow.action == "open_ticket", DeliveryRow.payload.is_not(None)),
    ) in (0, 1)
    assert one(walked, select(ResponseRow.score)) == 2


def test_an_unread_webhook_is_kept_however_old(application):
    application.webhook(body=b"[1]")
    application.clock.forward("60d")
    forget(application)
    assert one(application, select(RawRequest.body)) == b"[1]"


@given(st.ip_addresses().map(str))
def test_a_truncated_address_is_stable_and_tells_no_single_line(address):
    short = truncate_address(address)
    assert truncate_address(short) == short
    assert short.endswith((".0", "::", ":0"))


@pytest.mark.parametrize("nonsense", [None, "", "unknown", "testclient"])
def test_what_is_no_address_is_forgotten_whole(nonsense):
    assert truncate_address(nonsense) is None


def test_people_and_fields_of_old_events_are_emptied_and_the_fact_still_counts_once(walked):
    event = walked.won("1", amount=5)
    walked.webhook(event)
    walked.run()
    walked.clock.forward("390d")
    forget(walked)
    assert "marie@example.com" in str(one(walked, select(EventRow.record)))
    walked.clock.forward("10d")
    forget(walked)
    with walked.ledger.read() as session:
        records = list(session.execute(select(EventRow.record)).scalars())
    assert not [record for record in records if "@" in str(record) or record.get("fields")]
    walked.webhook(event)
    walked.run()
    with walked.ledger.read() as session:
        assert session.execute(select(func.count()).select_from(EventRow)).scalar() == len(records)
