"""Records: frozen, no unknown keys, aware UTC times, integer scores, stable keys."""

import importlib
import inspect
import json
import pkgutil
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nps_connect import records
from nps_connect.records.base import Record, mailbox_key
from nps_connect.records.bounces import Bounce
from nps_connect.records.connectors import ActionInfo, ConnectorInfo, EventKind, ExampleConfiguration
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.deliveries import (
    Alert,
    DeliveryView,
    OptOut,
    Receipt,
    ReviewDestination,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.events import Event, fact_key
from nps_connect.records.findings import Finding, SetupChange
from nps_connect.records.messages import Address, Message
from nps_connect.records.responses import EarlierResponse, FollowUpAnswer, Response, segment_of
from nps_connect.records.vendor_responses import VendorResponse

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
moments = st.datetimes(
    min_value=datetime(1980, 1, 1),
    max_value=datetime(2080, 1, 1),
    timezones=st.builds(timezone, st.integers(-720, 720).map(lambda minutes: timedelta(minutes=minutes))),
)


def response(**changes):
    fields = {
        "id": "r-1",
        "revision": 1,
        "survey": "after-purchase",
        "touchpoint": "purchase",
        "score": 9,
        "language": "fr",
        "answered_at": NOON,
    }
    return Response(**{**fields, **changes})


def event(**changes):
    fields = {"key": "k", "kind": "deal.won", "object_id": "7", "occurred_at": NOON}
    return Event(**{**fields, **changes})


def every_record():
    for module in pkgutil.iter_modules(records.__path__):
        for _, member in inspect.getmembers(importlib.import_module(f"nps_connect.records.{module.name}")):
            if inspect.isclass(member) and issubclass(member, Record) and member.__module__.endswith(module.name):
                yield member


@pytest.mark.parametrize("record", list(every_record()), ids=lambda record: record.__name__)
def test_every_record_is_frozen_and_refuses_unknown_keys(record):
    assert record.model_config["frozen"] is True
    assert record.model_config["extra"] == "forbid"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        record.model_validate({"a_key_that_no_record_has": 1})


def test_a_record_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        response().score = 3


@pytest.mark.parametrize("score", range(11))
def test_integers_from_0_to_10_are_scores(score):
    assert response(score=score).score == score


@pytest.mark.parametrize(
    "score", [-1, 11, 9.0, 8.6, "9", "nine", True, False, None, Decimal(9), float("nan"), float("inf"), [9]]
)
def test_other_values_are_no_scores_and_are_not_rounded(score):
    with pytest.raises(ValidationError):
        response(score=score)
    with pytest.raises(ValidationError):
        EarlierResponse(score=score, answered_at=NOON, survey="s", touchpoint="t")
    with pytest.raises(ValueError, match="an integer from 0 to 10"):
        segment_of(score)


@given(st.floats() | st.integers() | st.text(max_size=5))
def test_only_integers_from_0_to_10_have_a_segment(value):
    if type(value) is int and 0 <= value <= 10:
        assert segment_of(value) in {"promoter", "passive", "detractor"}
    else:
        with pytest.raises(ValueError, match="a score is an integer from 0 to 10"):
            segment_of(value)


@pytest.mark.parametrize(
    ("score", "segment"),
    [*[(n, "detractor") for n in range(7)], (7, "passive"), (8, "passive"), (9, "promoter"), (10, "promoter")],
)
def test_every_score_has_its_segment(score, segment):
    assert response(score=score).segment == segment


HOSTILE = "Eve\x1b[2J\x9b31m\u202e\U000e0041\x07 End"
SAFE = "Eve[2J31m End"
BODY = f"{HOSTILE}\r\nline"


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (Contact(connection="crm", id="1", name=HOSTILE), {"name": SAFE}),
        (Contact(connection="crm", id="1", fields={"city": HOSTILE, "age": 7}), {"fields": {"city": SAFE, "age": 7}}),
        (event(fields={"title": HOSTILE, "won": True}), {"fields": {"title": SAFE, "won": True}}),
        (response(comment=BODY), {"comment": f"{SAFE}\nline"}),
        (EarlierResponse(score=1, answered_at=NOON, survey="s", touchpoint="t", comment=HOSTILE), {"comment": SAFE}),
        (FollowUpAnswer(name="n", question=HOSTILE, answer=HOSTILE), {"question": SAFE, "answer": SAFE}),
        (Bounce(kind="soft", detail=BODY), {"detail": f"{SAFE} line"}),
        (Finding(severity="error", text=HOSTILE, fix=HOSTILE), {"text": SAFE, "fix": SAFE}),
        (SetupChange(id="i", change="create", text=HOSTILE), {"text": SAFE}),
        (Receipt(id="7", note=HOSTILE), {"note": SAFE}),
        (ReviewDestination(url="https://example.com", title=HOSTILE), {"title": SAFE}),
        (Address(email="eve@example.com", name=BODY), {"name": f"{SAFE} line"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Record) else "",
)
def test_texts_from_outside_are_sanitized_in_records(record, fields):
    assert record.model_dump(include=set(fields)) == fields


def test_texts_that_leave_are_sanitized_in_records():
    subject = {"contact": Contact(connection="crm", id="1"), "response": response(score=2), "idempotency_key": "k"}
    ticket = TicketDraft(**subject, external_id="x", subject=BODY, body=BODY, priority="high")
    update = TicketUpdate(**subject, ticket_id="7", body=BODY, priority="high")
    alert = Alert(**subject, title=BODY, body=BODY)
    mail = Message(
        idempotency_key="k",
        message_id="m",
        kind="survey",
        to=Address(email="eve@example.com"),
        subject=BODY,
        text=BODY,
        language="en",
    )
    assert {ticket.subject, alert.title, mail.subject} == {f"{SAFE} line"}
    assert {ticket.body, update.body, alert.body, mail.text} == {f"{SAFE}\nline"}


@pytest.mark.parametrize("moment", [datetime(2026, 3, 2), "2026-03-02T12:00:00", "2026-03-02"])
def test_naive_times_are_refused(moment):
    with pytest.raises(ValidationError):
        event(occurred_at=moment)
    with pytest.raises(ValidationError):
        OptOut(idempotency_key="k", contact=Contact(connection="crm", id="1"), at=moment)


@given(moments)
def test_times_are_converted_to_utc(moment):
    stored = event(occurred_at=moment).occurred_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


@given(moments)
def test_records_survive_a_json_round_trip(moment):
    first = event(occurred_at=moment, contact_key=ContactKey(kind="email", value="lea@example.com"), fields={"a": None})
    assert Event.model_validate_json(first.model_dump_json()) == first


@given(moments, st.integers(-720, 720))
def test_a_fact_has_one_key_in_every_time_zone(moment, minutes):
    local_time = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert fact_key("deal.won", "7", moment) == fact_key("deal.won", "7", local_time)


@given(moments)
def test_a_fact_has_one_key_for_epoch_milliseconds_and_for_iso_time(moment):
    truncated = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    millis = (truncated - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    from_epoch = datetime.fromtimestamp(millis / 1000, UTC)
    assert fact_key("deal.won", "7", truncated) == fact_key("deal.won", "7", from_epoch) == f"deal.won:7:{millis}"


@given(moments, st.integers(1000, 5000))
@example(NOON + timedelta(microseconds=1500), 1000)
def test_facts_a_millisecond_apart_have_different_keys(moment, micros):
    assert fact_key("deal.won", "7", moment) != fact_key("deal.won", "7", moment + timedelta(microseconds=micros))


def test_a_fact_needs_an_aware_moment():
    with pytest.raises(TypeError):
        fact_key("deal.won", "7", datetime(2026, 3, 2))


def test_the_key_of_a_fact_never_changes():
    assert fact_key("ticket.solved", "42", NOON) == "ticket.solved:42:1772452800000"


@pytest.mark.parametrize("kind", ["deal", "Deal.won", "deal.won.twice", "deal-won", "", "deal.", ".won"])
def test_an_event_kind_is_a_noun_and_a_verb(kind):
    with pytest.raises(ValidationError):
        event(kind=kind)
    with pytest.raises(ValidationError):
        EventKind(name=kind, description="d")


def test_a_contact_key_needs_a_value():
    with pytest.raises(ValidationError):
        ContactKey(kind="id", value="")


def test_a_contact_needs_an_id():
    with pytest.raises(ValidationError):
        Contact(connection="crm", email="lea@example.com")


@given(st.emails())
def test_all_spellings_of_a_mailbox_have_one_key(mailbox):
    assert mailbox_key(f" {mailbox.upper()} ") == mailbox_key(mailbox.lower())


def test_a_delivery_view_keeps_the_type_of_its_payload():
    draft = TicketDraft(
        contact=Contact(connection="crm", id="1"),
        response=response(score=2),
        idempotency_key="k",
        external_id="x",
        subject="s",
        body="b",
        priority="urgent",
    )
    view = DeliveryView(action="open_ticket", idempotency_key="k", payload=draft, first_started_at=NOON)
    restored = DeliveryView.model_validate_json(view.model_dump_json())
    assert restored == view
    assert type(restored.payload) is TicketDraft


def test_a_connector_finds_its_actions():
    info = ConnectorInfo(
        name="acme",
        title="Acme",
        settings=dict,
        actions=(ActionInfo(action="open_ticket"),),
        example=ExampleConfiguration(connection="crm", table=""),
    )
    assert info.action("open_ticket").batch_size == 1
    assert info.action("write_score") is None


@pytest.mark.parametrize(("body", "content"), [(b'{"a": 1}', {"a": 1}), (b"null", None), ("é".encode(), None)])
def test_an_error_body_that_is_not_json_is_none(body, content):
    assert VendorResponse(400, {}, body).json_or_none() == content


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_raises_value_error(body):
    with pytest.raises(ValueError):
        VendorResponse(200, {}, body).json()


def test_json_with_surrogate_pairs_can_be_stored():
    content = VendorResponse(200, {}, b'{"comment": "\\ud83d\\ude00"}').json()
    assert json.dumps(content, ensure_ascii=False) == '{"comment": "😀"}'
