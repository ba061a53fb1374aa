"""Intake: believed webhooks are durable before they are answered; each fact is in the ledger once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from support.clock import START, SteadyClock
from support.examples import whole_house
from support.house import House
from support.vendors import Crm

from nps_connect import EventPage, RateLimited, RetryLater, WebhookRejected
from nps_connect.ledger.columns import Base
from nps_connect.ledger.keeping import CounterRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import EventRow, RawRequest


def rows(house: House, table) -> list:
    with house.ledger.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


def test_a_webhook_of_100_events_is_accepted_with_one_commit(house):
    facts = [house.won(str(n), deal=f"deal-{n}") for n in range(100)]
    commits = []
    event.listen(house.ledger.engine, "commit", lambda _connection: commits.append(1))
    house.webhook(*facts)
    assert len(commits) == 1
    house.run()
    assert len(rows(house, EventRow)) == 100
    assert house.crm.looked == 1, "people of 100 events are looked up in one call"


@pytest.mark.parametrize(
    ("signature", "body", "status"), [("bad", b"[]", 401), ("good", b"not json", 400), ("good", b"\xff\xfe", 400)]
)
def test_what_is_refused_is_not_stored_but_counted(house, signature, body, status):
    with pytest.raises(WebhookRejected) as caught:
        house.webhook(signature=signature, body=body)
    assert caught.value.status == status
    assert rows(house, RawRequest) == []
    with house.ledger.read() as session:
        assert session.execute(select(func.sum(CounterRow.count))).scalar() == 1


def test_webhooks_that_come_together_are_stored_together_and_a_forged_one_is_refused_alone(house):
    from nps_connect.records.events import WebhookRequest

    def come(signature: str) -> tuple[str, WebhookRequest]:
        headers = {"x-signature": signature}
        return "crm", WebhookRequest(
            method="POST", url="https://x.example.com", headers=headers, body=b"[]", received_at=START
        )

    first, forged, second = house.doors.accept_webhooks([come("good"), come("forged"), come("good")])
    assert (first, second) == (None, None)
    assert isinstance(forged, WebhookRejected)
    assert len(rows(house, RawRequest)) == 2


@pytest.mark.parametrize("connection", ["unknown", "helpdesk"])
def test_a_connection_that_takes_no_webhooks_is_not_found(house, connection):
    from nps_connect.records.events import WebhookRequest

    request = WebhookRequest(method="POST", url="https://x.example.com", headers={}, body=b"[]", received_at=START)
    with pytest.raises(WebhookRejected) as caught:
        house.doors.accept_webhook(connection, request)
    assert caught.value.status == 404


def test_json_that_the_plugin_cannot_read_is_kept_and_visible(house):
    house.webhook(body=b'{"not": "a list"}')
    house.run()
    row = rows(house, RawRequest)[0]
    assert (row.state, row.body) == ("dead", b'{"not": "a list"}')
    assert "not a list" in row.last_error


def test_a_plugin_that_fails_to_parse_loses_nothing(house):
    house.webhook({"id": "no moment"})
    house.webhook(house.won("1"))
    house.run()
    assert [row.state for row in rows(house, RawRequest)] == ["dead", "succeeded"]
    assert "KeyError" in rows(house, RawRequest)[0].last_error


def test_credentials_in_headers_are_not_stored(house):
    from nps_connect.records.events import WebhookRequest

    headers = {"x-signature": "good", "authorization": "Bearer s3cret", "cookie": "s3cret", "x-auth-token": "s3cret"}
    house.doors.accept_webhook(
        "crm",
        WebhookRequest(method="POST", url="https://x.example.com", headers=headers, body=b"[]", received_at=START),
    )
    assert rows(house, RawRequest)[0].headers == {"x-signature": "good"}


def test_a_failed_look_up_is_tried_again_and_decides_then(house):
    house.crm.knows("1", "marie@example.com")
    house.crm.looking = [RetryLater("down")]
    house.webhook(house.won("1"))
    house.run()
    assert [(row.state, row.attempts) for row in rows(house, EventRow)] == [("pending", 1)]
    house.clock.forward("1m")
    house.run()
    assert house.states() == {"send_survey": "pending"}


class TestPolling:
    @pytest.fixture
    def polling(self, ledger, clock) -> House:
        return House(ledger, clock, {"connections": {"crm": {"plugin": "acme", "events": "poll"}}})

    def test_pages_are_taken_in_until_there_are_no_more(self, polling):
        polling.crm.knows("1", "marie@example.com")
        fact = Crm.event(polling.won("1"))
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
            from nps_connect.ledger.keeping import JobRow

            memo = session.execute(select(JobRow.memo).where(JobRow.name == "poll:crm")).scalar()
        assert memo == {"cursor": "b"}


FACTS = [("deal-1", 0), ("deal-2", 0), ("deal-1", 60), ("deal-3", 5)]


@whole_house(25)
@given(
    st.lists(st.lists(st.sampled_from(FACTS), min_size=1, max_size=6), min_size=1, max_size=6),
    st.booleans(),
)
def test_any_order_of_resends_and_polls_gives_the_same_facts_once(requests, polled):
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    house = House(ledger, SteadyClock())
    told = set()
    for request in requests:
        facts = [house.won("1", deal=deal, at=START + timedelta(seconds=after)) for deal, after in request]
        told |= set(request)
        if polled:
            from nps_connect.flows.intake.storing import take_in

            with ledger.write() as session:
                take_in(house.ctx, session, "crm", [Crm.event(fact) for fact in facts], source="poll")
        house.webhook(*facts)
    house.run()
    assert len(rows(house, EventRow)) == len(told)
    ledger.close()
