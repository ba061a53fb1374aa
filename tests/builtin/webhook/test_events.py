"""Mappings: payloads become events; what cannot be read is kept and says why."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.builtin_webhook import BEARER, NOW, ORDER, build_connection, build_request

from nps_connect import Event, SkippedEntries, WebhookRejected, mailbox_contact_id
from nps_connect.builtin import webhook
from nps_connect.builtin.webhook.settings import WebhookSettings

LEA = "lea.martin@example.com"


def parse(content, *mappings, headers=None, **incoming):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return webhook.nps_parse_events(build_connection(*mappings, **incoming), build_request(body, headers))


def why_unreadable(content, *mappings, **more):
    with pytest.raises(WebhookRejected) as rejection:
        parse(content, *mappings, **more)
    assert rejection.value.reason == "unreadable"
    return rejection.value.detail


def test_a_payload_becomes_an_event_with_its_person_and_typed_fields():
    mapping = {
        "kind": "order.paid",
        "object_id": "order.id",
        "occurred_at": "order.paid_at",
        "person": {
            "id": "customer.id",
            "email": "customer.email",
            "name": "[customer.first, customer.last]",
            "language": "customer.locale",
        },
        "fields": {
            "total": {"expression": "order.total", "type": "number"},
            "gift": {"expression": "order.gift", "type": "boolean"},
            "due": {"expression": "order.due", "type": "moment"},
            "country": "order.country",
            "tags": "order.tags",
            "missing": "order.coupon",
        },
    }
    payload = {
        "order": {
            "id": 7001,
            "paid_at": "2026-03-02T09:00:00+01:00",
            "total": "254.98",
            "gift": "true",
            "due": "2026-03-05",
            "country": "FR",
            "tags": ["new", "vip"],
        },
        "customer": {"id": 12, "email": f" {LEA} ", "first": "Léa", "last": "Martin", "locale": "fr_CA"},
    }
    [event] = parse(payload, mapping)
    assert (event.kind, event.object_id, event.key) == ("order.paid", "7001", "order.paid:7001")
    assert event.occurred_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    [contact] = event.contacts
    assert (contact.connection, contact.id, contact.email) == ("shop", "12", LEA)
    assert (contact.name, contact.language) == ("Léa Martin", "fr-CA")
    assert event.fields == {
        "total": 254.98,
        "gift": True,
        "due": "2026-03-05T00:00:00+00:00",
        "country": "FR",
        "tags": "new, vip",
    }


def test_without_an_id_the_person_is_known_by_the_mailbox():
    [first] = parse({"id": 1, "email": LEA})
    [second] = parse({"id": 2, "email": LEA.upper()})
    assert first.contacts[0].id == second.contacts[0].id == mailbox_contact_id(LEA)
    assert LEA not in first.contacts[0].id


def test_a_person_with_an_id_and_no_address_is_looked_up():
    [event] = parse({"id": 1, "who": 12}, {**ORDER, "person": {"id": "who", "email": "email"}})
    assert (event.contacts, event.contact_key.kind, event.contact_key.value) == ((), "id", "12")


def test_a_resend_has_the_same_key_whatever_else_changed():
    [first] = parse({"id": 1, "email": LEA, "updated_at": "2026-03-01"})
    [second] = parse({"email": LEA, "updated_at": "2026-03-02", "id": "1"})
    assert first.key == second.key


def test_what_distinguishes_two_renewals_of_a_subscription_is_part_of_their_key():
    mapping = {**ORDER, "kind": "subscription.renewed", "occurrence": "period"}
    keys = [parse({"id": 1, "email": LEA, "period": period}, mapping)[0].key for period in ("2026-01", "2026-02")]
    assert len(set(keys)) == 2
    assert "occurrence" in why_unreadable({"id": 1, "email": LEA}, mapping)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "subscription.renewed"}, "set occurrence"),
        ({"object_id": "who", "person": {"id": "who"}}, "set occurrence"),
        ({"kind": "contact.merged"}, "two people"),
        ({"kind": "Paid"}, "pattern"),
        ({"object_id": "order..id"}, "not a JMESPath expression"),
        ({"person": {"name": "name"}}, "an id or an email"),
        ({"headers": {"webhook-id": "x"}}, "not stored"),
        ({"headers": {"x-auth": "x"}}, "not stored"),
        ({"kind": {"values": {"a": "order.paid"}}}, "exactly one of header and expression"),
        ({"occurred_at": {"expression": "at", "zone": "Europe/Pariss"}}, "not a time zone"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(change, problem):
    with pytest.raises(ValidationError, match=problem):
        build_connection({**ORDER, **change})


@pytest.mark.parametrize(
    ("events", "incoming", "problem"),
    [
        ("webhook", None, "needs the table incoming"),
        (None, {"signature": BEARER, "mappings": [ORDER]}, 'needs events = "webhook"'),
        ("webhook", {"mappings": [ORDER]}, "signature"),
    ],
)
def test_a_connection_that_would_receive_nothing_is_refused(events, incoming, problem):
    table = {"plugin": "webhook", "events": events, "incoming": incoming}
    with pytest.raises(ValidationError, match=problem):
        WebhookSettings.model_validate({key: value for key, value in table.items() if value is not None})


def test_the_kind_comes_from_a_table_of_a_header_or_of_an_expression():
    by_header = {"header": "X-Topic", "values": {"orders/paid": "order.paid", "orders/sent": "order.shipped"}}
    [paid] = parse({"id": 1, "email": LEA}, {**ORDER, "kind": by_header}, headers={"X-Topic": "orders/sent"})
    by_expression = {"expression": "state", "values": {"3": "order.delivered"}}
    [delivered] = parse({"id": 1, "email": LEA, "state": 3}, {**ORDER, "kind": by_expression})
    assert (paid.kind, delivered.kind) == ("order.shipped", "order.delivered")
    assert why_unreadable({"id": 1, "email": LEA, "state": 4}, {**ORDER, "kind": by_expression}) == "no mapping applies"


def test_the_first_mapping_that_applies_is_used():
    paid = {**ORDER, "headers": {"X-Topic": ["orders/paid", "orders/settled"]}, "when": "!test"}
    sent = {**ORDER, "kind": "order.shipped", "headers": {"X-Topic": "orders/sent"}}
    order = {"id": 1, "email": LEA}
    assert parse(order, paid, sent, headers={"X-Topic": "orders/settled"})[0].kind == "order.paid"
    assert parse(order, paid, sent, headers={"X-Topic": "orders/sent"})[0].kind == "order.shipped"
    detail = why_unreadable(order | {"test": True}, paid, sent, headers={"X-Topic": "orders/paid"})
    assert detail == "no mapping applies (x-topic orders/paid)"


def test_what_is_of_no_interest_has_no_events():
    ignored = [{"headers": {"X-Topic": "orders/create"}}, {"when": "type == 'ping'"}]
    mapping = {**ORDER, "when": "email"}
    assert parse({"id": 1}, mapping, headers={"X-Topic": "orders/create"}, ignored=ignored) == []
    assert parse({"type": "ping"}, mapping, ignored=ignored) == []
    assert parse({"id": 1, "email": LEA, "type": "ping"}, mapping, ignored=ignored) != []


ITEMS = {
    "items": "lines",
    "kind": "order.delivered",
    "object_id": "sku",
    "person": {"email": "_payload.buyer"},
}


def test_each_item_of_a_list_is_an_event_and_two_with_one_id_are_one():
    lines = [{"sku": "a"}, {"sku": "b"}, {"sku": "a", "again": True}]
    events = parse({"buyer": LEA, "lines": lines}, ITEMS)
    assert [event.object_id for event in events] == ["a", "b"]
    assert {event.contacts[0].email for event in events} == {LEA}


def test_a_payload_that_is_a_list_is_read_by_items():
    events = parse([{"id": 1, "email": LEA}, {"id": 2, "email": LEA}], {**ORDER, "items": "@"})
    assert [event.object_id for event in events] == ["1", "2"]


def test_with_items_a_condition_is_met_by_each_item():
    states = [{"id": 1, "state": "RECEIVED"}, {"id": 2, "state": "CANCELED"}, {"id": 3, "state": "SHIPPED"}]
    received = {**ORDER, "items": "lines", "when": "state == 'RECEIVED' && _payload.live", "kind": "order.delivered"}
    received["person"] = {"email": "_payload.buyer"}
    shipped = {**received, "when": "state == 'SHIPPED'", "kind": "order.shipped"}
    payload = {"buyer": LEA, "live": True, "lines": states}
    events = parse(payload, received, shipped)
    assert [(event.kind, event.object_id) for event in events] == [("order.delivered", "1"), ("order.shipped", "3")]
    assert why_unreadable({**payload, "lines": states[1:2]}, received, shipped) == "no mapping applies"
    assert why_unreadable({**payload, "live": False}, received) == "no mapping applies"


def test_items_without_an_id_are_counted_while_the_others_are_read():
    *events, skipped = parse({"buyer": LEA, "lines": [{"sku": "a"}, {}, 7]}, ITEMS)
    assert [event.object_id for event in events] == ["a"]
    assert skipped == SkippedEntries(count=2, reason="unreadable_entry")
    assert why_unreadable({"lines": [{}]}, ITEMS) == "object_id: sku has no text and no number"
    assert why_unreadable({"lines": None}, ITEMS) == "items: lines is no list"
    assert why_unreadable({"lines": [{}] * 10_001}, ITEMS) == "items: lines has more than 10000 items"


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-03-02T10:00:00+01:00", None, NOW),
        ("2026-03-02T09:00:00Z", None, NOW),
        ("2026-03-02 10:00:00", "Europe/Paris", NOW),
        (NOW.timestamp(), None, NOW),
        (str(int(NOW.timestamp())), None, NOW),
        (int(NOW.timestamp()) * 1000, None, NOW),
    ],
)
def test_moments_are_iso_8601_or_epoch(value, zone, expected):
    moment = {"expression": "at", "zone": zone} if zone else "at"
    [event] = parse({"id": 1, "email": LEA, "at": value}, {**ORDER, "occurred_at": moment})
    assert event.occurred_at == expected


@pytest.mark.parametrize("value", ["2026-03-02T10:00:00", "yesterday", None, True, {}, "2026-13-01T00:00:00Z", 10**30])
def test_a_moment_that_is_none_or_lacks_its_zone_is_unreadable(value):
    detail = why_unreadable({"id": 1, "email": LEA, "at": value}, {**ORDER, "occurred_at": "at"})
    assert detail.startswith("occurred_at: at is no time with an offset")


def test_a_person_who_is_erased_at_the_source_is_the_object_of_the_event():
    [event] = parse({"id": 9, "email": LEA}, {**ORDER, "kind": "contact.privacy_deleted"})
    assert event.object_id == event.contacts[0].id


DEEP = b'{"a":' * 900 + b"1" + b"}" * 900


@pytest.mark.parametrize("body", [b"null", b"0", b'"text"', b"[]", b"{}", b"{", b"\xff", b"[" * 100_000, DEEP])
def test_what_no_mapping_can_read_is_unreadable(body):
    assert why_unreadable(body)


def test_a_deeply_nested_part_that_no_mapping_names_does_no_harm():
    body = b'{"id": 1, "email": "lea.martin@example.com", "more": ' + DEEP + b"}"
    assert len(parse(body)) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "email", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)
expressions = st.sampled_from(
    ["id", "a.id", "a[0]", "a[].id", "*.id", "keys(@)", "length(a)", "to_string(@)", "a || id"]
)


@given(content=json_values, object_id=expressions, moment=expressions, items=st.none() | expressions)
def test_any_payload_is_read_or_refused_and_read_the_same_again(content, object_id, moment, items):
    mapping = {
        **ORDER,
        "object_id": object_id,
        "occurred_at": moment,
        "person": {"id": "a.b", "email": "email"},
        "fields": {"a": {"expression": "a", "type": "number"}, "b": "a"},
    } | ({"items": items} if items else {})
    body = json.dumps(content).encode()
    try:
        events = parse(body, mapping)
    except WebhookRejected as rejection:
        assert rejection.reason == "unreadable"  # noqa: PT017  # a refusal is allowed too
        return
    assert events == parse(body, mapping)
    keys = [event.key for event in events if isinstance(event, Event)]
    assert len(keys) == len(set(keys))
    for event in events:
        assert type(event).model_validate_json(event.model_dump_json()) == event
