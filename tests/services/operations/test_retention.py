"""Retention: old rows are deleted or stripped in small steps; counts are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from nps_connect import Bounce
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.suppressions import BounceRow
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
def processed_application(application):
    application.answer(application.surveyed(), 2, "Non")
    application.run()
    with application.ledger.write() as session:
        session.add(
            PageViewRow(
                purpose="survey", method="GET", at=application.clock(), address="192.0.2.77", agent="Mozilla/5.0 (X)"
            )
        )
    return application


def run_retention(application) -> None:
    progress: dict = {}
    while apply_retention(application.ctx, progress) == STEP_INTERVAL:
        pass


def first_value(application, query):
    with application.ledger.read() as session:
        return session.execute(query).scalars().first()


def test_nothing_is_deleted_before_its_period_is_over(processed_application):
    processed_application.clock.forward("6d")
    assert apply_retention(processed_application.ctx, {}) == IDLE_INTERVAL
    assert first_value(processed_application, select(RawRequest.body))
    assert (
        first_value(processed_application, select(PageViewRow.address).where(PageViewRow.agent.is_not(None)))
        == "192.0.2.77"
    )
    assert first_value(processed_application, select(ResponseRow.comment)) == "Non"


def test_each_kind_is_deleted_after_its_period_and_counts_are_kept(processed_application):
    before = first_value(processed_application, select(func.count()).select_from(DecisionRow))
    processed_application.clock.forward("8d")
    run_retention(processed_application)
    visit = first_value(processed_application, select(PageViewRow).where(PageViewRow.agent == "Mozilla"))
    assert visit.address == "192.0.2.0"
    processed_application.clock.forward("30d")
    run_retention(processed_application)
    assert first_value(processed_application, select(RawRequest.body)) == b""
    assert first_value(processed_application, select(RawRequest.events_new)) == 1
    processed_application.clock.forward("90d")
    run_retention(processed_application)
    assert first_value(processed_application, select(func.count()).select_from(AttemptRow)) == 0
    processed_application.clock.forward("400d")
    run_retention(processed_application)
    assert first_value(processed_application, select(func.count()).select_from(DecisionRow)) == 0
    assert (
        first_value(
            processed_application, select(func.sum(CounterRow.count)).where(CounterRow.name.like("decision_yes_%"))
        )
        == before
    )
    processed_application.clock.forward("400d")
    run_retention(processed_application)
    assert first_value(processed_application, select(ResponseRow.comment)) is None
    assert (
        first_value(
            processed_application, select(func.count()).select_from(RevisionRow).where(RevisionRow.comment.is_not(None))
        )
        == 0
    )
    assert first_value(
        processed_application,
        select(func.count())
        .select_from(DeliveryRow)
        .where(DeliveryRow.action == "open_ticket", DeliveryRow.payload.is_not(None)),
    ) in (0, 1)
    assert first_value(processed_application, select(ResponseRow.score)) == 2


def test_bounces_of_none_of_our_mails_are_deleted_and_others_stay(application):
    application.surveyed()
    ours = Bounce(kind="soft", message_id=application.deliveries("send_survey")[0].receipt_id)
    application.post.bounces = [ours, Bounce(kind="hard", address="stranger@example.com")]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    application.clock.forward("29d")
    run_retention(application)
    assert first_value(application, select(func.count()).select_from(BounceRow)) == 2
    application.clock.forward("2d")
    run_retention(application)
    assert first_value(application, select(BounceRow.kind)) == "soft"
    assert first_value(application, select(func.count()).select_from(BounceRow)) == 1


def test_an_unparsed_webhook_is_never_stripped(application):
    application.webhook(body=b"[1]")
    application.clock.forward("60d")
    run_retention(application)
    assert first_value(application, select(RawRequest.body)) == b"[1]"


@given(st.ip_addresses().map(str))
def test_a_truncated_address_is_a_network_and_truncating_is_idempotent(address):
    short = truncate_address(address)
    assert truncate_address(short) == short
    assert short.endswith((".0", "::", ":0"))


@pytest.mark.parametrize("nonsense", [None, "", "unknown", "testclient"])
def test_text_that_is_no_address_is_dropped(nonsense):
    assert truncate_address(nonsense) is None


def test_old_events_keep_ids_only_and_a_repeated_fact_is_still_ignored(processed_application):
    event = processed_application.won("1", amount=5)
    processed_application.webhook(event)
    processed_application.run()
    processed_application.clock.forward("390d")
    run_retention(processed_application)
    assert "marie@example.com" in str(first_value(processed_application, select(EventRow.record)))
    processed_application.clock.forward("10d")
    run_retention(processed_application)
    with processed_application.ledger.read() as session:
        records = list(session.execute(select(EventRow.record)).scalars())
    assert not [record for record in records if "@" in str(record) or record.get("fields")]
    processed_application.webhook(event)
    processed_application.run()
    with processed_application.ledger.read() as session:
        assert session.execute(select(func.count()).select_from(EventRow)).scalar() == len(records)
