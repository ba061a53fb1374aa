"""``POST /api/v1/events``: the same facts as by webhook, with the same keys, through the same rules."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow
from nps_connect.records.events import fact_key

MARIE = {"id": "c-1", "email": "marie@example.com", "name": "Marie", "language": "fr"}


@pytest.fixture
def order(clock):
    """An order that was delivered an hour ago."""
    moment = clock() - timedelta(hours=1)
    return {
        "connection": "shop",
        "kind": "order.delivered",
        "object_id": "1001",
        "occurred_at": moment.isoformat(),
        "contact": MARIE,
        "fields": {"total": 89.5, "country": "FR"},
    }


def rows(application, table, *conditions):
    with application.ledger.read() as session:
        return session.execute(select(table).where(*conditions).order_by(table.id)).scalars().all()


def test_an_event_leads_to_the_survey_of_its_trigger_and_a_resend_adds_nothing(api, application, order, clock):
    first = api.post("/events", order)
    assert first.status == 202
    assert first.body == {
        "connection": "shop",
        "key": fact_key("order.delivered", "1001", clock() - timedelta(hours=1)),
        "new": True,
        "contact": {"connection": "shop", "id": "c-1"},
    }
    assert "shop/decide" in application.woken
    again = api.post("/events", order)
    assert (again.status, again.body) == (200, {**first.body, "new": False})
    application.run()
    [decision] = rows(application, DecisionRow)
    assert decision.verdict == "yes", decision.detail
    clock.forward("1d")
    application.run()
    assert application.post.items[0].to.email == "marie@example.com"
    [event] = rows(application, EventRow)
    assert event.source == "api"


def test_events_that_arrive_together_are_stored_together_and_refused_one_by_one(api, application, order):
    wrong = {**order, "object_id": "1002", "connection": "shp"}
    answers = api.together(
        ("/events", order, {}),
        ("/events", wrong, {}),
        ("/events", order, {}),
        ("/events", {**order, "object_id": "3"}, {}),
    )
    statuses = [answer.status for answer in answers]
    assert (statuses[1], statuses[3]) == (422, 202)
    assert sorted([statuses[0], statuses[2]]) == [200, 202], (
        "whichever of the two equal events comes second adds nothing"
    )
    assert answers[1].body["errors"] == [
        {"field": "connection", "message": "there is no such connection; did you mean 'shop'?"}
    ]
    assert {event.object_id for event in rows(application, EventRow)} == {"1001", "3"}
    audited = [row.object for row in rows(application, AuditRow, col(AuditRow.command) == "events send")]
    assert {target.rpartition(" ")[0] for target in audited} == {"connection:shop, events:"}
    assert sum(int(target.rpartition(" ")[2]) for target in audited) == 3


def test_a_person_is_completed_from_what_is_known_of_them(api, application, order, clock):
    api.post("/contacts", {"connection": "shop", **MARIE, "opted_out": True, "fields": {"plan": "gold"}})
    api.post("/events", {**order, "contact": {"id": "c-1"}})
    application.run()
    [contact] = rows(application, ContactRow)
    assert (contact.email, contact.opted_out, contact.record["fields"]) == ("marie@example.com", True, {"plan": "gold"})
    [decision] = rows(application, DecisionRow)
    assert (decision.verdict, decision.reason) == ("no", "opted_out")


def test_a_contact_of_a_crm_is_looked_up_there(api, application, order, clock):
    application.crm.knows("7", "paul@example.com")
    deal = {**order, "connection": "crm", "kind": "deal.won", "contact": {"email": "paul@example.com"}}
    answer = api.post("/events", deal)
    assert (answer.status, answer.body["contact"]) == (202, None)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"kind": "order.delivred"}, "kind", "the connection has no such kind; did you mean 'order.delivered'?"),
        ({"kind": "contact.erased"}, "kind", "the connection has no such kind; allowed: "),
        ({"contact": {"name": "Marie"}}, "contact", "name the person by id, by email, or both"),
        ({"contact": {"email": "marie@"}}, "contact.email", "not an e-mail address such as marie@example.com"),
        ({"occurred_at": "2026-11-30T09:00:00Z"}, "occurred_at", "lies in the future"),
        ({"occurred_at": "1763370000"}, "occurred_at", "Value error, not a moment with a time zone"),
        ({"occurred_at": "2026-11-17T08:00:00"}, "occurred_at", "Value error, not a moment with a time zone"),
        ({"occurred_at": 1763370000}, "occurred_at", "Value error, not a moment with a time zone"),
        ({"object_id": 1001}, "object_id", "Input should be a valid string"),
        ({"object_id": "a\u0000b"}, "object_id", "String should match pattern"),
        ({"fields": {"total": {"a": 1}}}, "fields.total", "Input should be"),
        ({"unknown": 1}, "unknown", "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_named_by_its_field_and_nothing_is_stored(api, application, order, change, field, message):
    answer = api.post("/events", {**order, **change})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "urn:nps-connect:problem:invalid"
    assert answer.body["errors"][0]["field"].startswith(field)
    assert answer.body["errors"][0]["message"].startswith(message)
    assert rows(application, EventRow) == []
