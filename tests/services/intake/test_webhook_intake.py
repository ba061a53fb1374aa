"""Verified webhooks are stored durably before the response; each fact is stored once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from support.application import ApplicationHarness
from support.clock import START, ManualClock
from support.fake_vendors import FakeCrm
from support.hypothesis_settings import ledger_settings
from support.webhooks import accept_webhook

from nps_connect import EventPage, RateLimited, RetryLater, WebhookRejected
from nps_connect.ledger.columns import Base
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import EventRow, RawRequest


def rows(application: ApplicationHarness, table) -> list:
    with application.ledger.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


def test_webhook_with_100_events_is_accepted_with_one_commit(application):
    facts = [application.won(str(n), deal=f"deal-{n}") for n in range(100)]
    commits = []
    event.listen(application.ledger.engine, "commit", lambda _connection: commits.append(1))
    application.webhook(*facts)
    assert len(commits) == 1
    application.run()
    assert len(rows(application, EventRow)) == 100
    assert application.crm.looked == 1, "people of 100 events are looked up in one call"


@pytest.mark.parametrize(
    ("signature", "body", "status"), [("bad", b"[]", 401), ("good", b"not json", 400), ("good", b"\xff\xfe", 400)]
)
def test_refused_webhook_is_counted_but_not_stored(application, signature, body, status):
    with pytest.raises(WebhookRejected) as caught:
        application.webhook(signature=signature, body=body)
    assert caught.value.status == status
    assert rows(application, RawRequest) == []
    with application.ledger.read() as session:
        assert session.execute(select(func.sum(CounterRow.count))).scalar() == 1


def test_concurrent_webhooks_share_a_commit_and_a_forged_one_is_refused(application):
    from nps_connect.records.events import WebhookRequest

    def come(signature: str) -> tuple[str, WebhookRequest]:
        headers = {"x-signature": signature}
        return "crm", WebhookRequest(
            method="POST", url="https://x.example.com", headers=headers, body=b"[]", received_at=START
        )

    first, forged, second = application.backend.accept_webhooks([come("good"), come("forged"), come("good")])
    assert (first, second) == (None, None)
    assert isinstance(forged, WebhookRejected)
    assert len(rows(application, RawRequest)) == 2


@pytest.mark.parametrize("connection", ["unknown", "helpdesk"])
def test_connection_without_webhooks_is_not_found(application, connection):
    from nps_connect.records.events import WebhookRequest

    request = WebhookRequest(method="POST", url="https://x.example.com", headers={}, body=b"[]", received_at=START)
    with pytest.raises(WebhookRejected) as caught:
        accept_webhook(application.backend, connection, request)
    assert caught.value.status == 404


def test_unreadable_json_is_stored_as_dead(application):
    application.webhook(body=b'{"not": "a list"}')
    application.run()
    row = rows(application, RawRequest)[0]
    assert (row.state, row.body) == ("dead", b'{"not": "a list"}')
    assert "not a list" in row.last_error


def test_failing_parser_keeps_the_webhook(application):
    application.webhook({"id": "no moment"})
    application.webhook(application.won("1"))
    application.run()
    assert [row.state for row in rows(application, RawRequest)] == ["dead", "succeeded"]
    assert "KeyError" in rows(application, RawRequest)[0].last_error


def test_credentials_in_headers_are_not_stored(application):
    from nps_connect.records.events import WebhookRequest

    headers = {"x-signature": "good", "authorization": "Bearer s3cret", "cookie": "s3cret", "x-auth-token": "s3cret"}
    accept_webhook(
        application.backend,
        "crm",
        WebhookRequest(method="POST", url="https://x.example.com", headers=headers, body=b"[]", received_at=START),
    )
    assert rows(application, RawRequest)[0].headers == {"x-signature": "good"}


def test_failed_lookup_is_retried(application):
    application.crm.knows("1", "marie@example.com")
    application.crm.looking = [RetryLater("down")]
    application.webhook(application.won("1"))
    application.run()
    assert [(row.state, row.attempts) for row in rows(application, EventRow)] == [("pending", 1)]
    application.clock.forward("1m")
    application.run()
    assert application.states() == {"send_survey": "pending"}


class TestPolling:
    @pytest.fixture
    def polling(self, ledger, clock) -> ApplicationHarness:
        return ApplicationHarness(ledger, clock, {"connections": {"crm": {"plugin": "acme", "events": "poll"}}})

    def test_pages_are_taken_in_until_there_are_no_more(self, polling):
        polling.crm.knows("1", "marie@example.com")
        fact = FakeCrm.event(polling.won("1"))
        polling.crm.pages = [EventPage(events=(fact,), cursor="a", more=True), EventPage(events=(fact,), cursor="b")]
        polling.run()
        assert len(rows(polling, EventRow)) == 1
        assert polling.crm.pages == []
        assert polling.states() == {"send_survey": "pending"}

    @pytest.mark.parametrize("error", [RetryLater("down"), RateLimited("slow", until=START + timedelta(minutes=5))])
    def test_a_failure_leaves_the_cursor_where_it_was(self, polling, error):
        polling.crm.pages = [EventPage(cursor="a", more=True), error]
        polling.run()
        polling.clock.forward("10m")
        polling.crm.pages = [EventPage(cursor="b")]
        polling.run()
        with polling.ledger.read() as session:
            from nps_connect.ledger.workers import JobRow

            memo = session.execute(select(JobRow.memo).where(JobRow.name == "poll:crm")).scalar()
        assert (memo["cursor"], memo["failure"]) == ("b", None)


FACTS = [("deal-1", 0), ("deal-2", 0), ("deal-1", 60), ("deal-3", 5)]


@ledger_settings(25)
@given(
    st.lists(st.lists(st.sampled_from(FACTS), min_size=1, max_size=6), min_size=1, max_size=6),
    st.booleans(),
)
def test_any_order_of_webhooks_and_polls_stores_each_fact_once(requests, polled):
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    application = ApplicationHarness(ledger, ManualClock())
    received_keys = set()
    for request in requests:
        facts = [application.won("1", deal=deal, at=START + timedelta(seconds=after)) for deal, after in request]
        received_keys |= set(request)
        if polled:
            from nps_connect.services.intake.store_events import store_events

            with ledger.write() as session:
                store_events(application.ctx, session, "crm", [FakeCrm.event(fact) for fact in facts], source="poll")
        application.webhook(*facts)
    application.run()
    assert len(rows(application, EventRow)) == len(received_keys)
    ledger.close()
