"""Webhook bodies to events: each fact once, in any order and form."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nps_connect_hubspot as plugin
from nps_connect import Event, SkippedEntries, WebhookRejected, WebhookRequest, fact_key
from nps_connect.testing import START, connect

AT = datetime(2026, 3, 2, 8, 30, 0, 123_000, tzinfo=UTC)
MILLIS = 1_772_440_200_123


def entry(kind="deal.propertyChange", **more):
    return {
        "eventId": 1,
        "portalId": 4242424,
        "occurredAt": MILLIS,
        "subscriptionType": kind,
        "attemptNumber": 0,
        "objectId": 77,
        **more,
    }


def won(**more):
    return entry(propertyName="dealstage", propertyValue="closedwon", **more)


@pytest.fixture
def parse(unprepared_connection, build_webhook_request):
    def parse_entries(*entries, connection=unprepared_connection):
        return plugin.nps_parse_events(connection, build_webhook_request(json.dumps(entries).encode()))

    return parse_entries


def test_a_won_deal_has_two_events(parse):
    entered, won_event = parse(won())
    assert (entered.kind, won_event.kind) == ("deal.stage_entered", "deal.won")
    assert won_event.key == fact_key("deal.won", "77", AT)
    assert won_event.occurred_at == AT
    assert (won_event.contact_key.kind, won_event.contact_key.value) == ("deal", "77")
    assert won_event.fields == {"dealstage": "closedwon"}


def test_other_edits_of_a_won_deal_have_no_event(parse):
    assert parse(entry(propertyName="amount", propertyValue="500")) == []


def test_won_stages_are_configurable(parse, make_connection):
    connection = make_connection(won_stages=["1234567", "closedwon"])
    events = parse(entry(propertyName="dealstage", propertyValue="1234567"), connection=connection)
    assert [event.kind for event in events] == ["deal.stage_entered", "deal.won"]
    assert [event.kind for event in parse(entry(propertyName="dealstage", propertyValue="lost"))] == [
        "deal.stage_entered"
    ]


def test_the_generic_form_has_the_same_events(parse):
    generic = won() | {"subscriptionType": "object.propertyChange", "objectTypeId": "0-3"}
    assert parse(generic) == parse(won())


def test_contact_subscriptions_have_contact_events(parse):
    kinds = {
        "contact.creation": "contact.created",
        "contact.deletion": "contact.deleted",
        "contact.privacyDeletion": "contact.privacy_deleted",
    }
    for subscription, kind in kinds.items():
        [event] = parse(entry(subscription))
        assert (event.kind, event.object_id, event.contact_key.kind) == (kind, "77", "id")


def test_a_privacy_deletion_comes_with_the_ordinary_one(parse):
    events = parse(entry("contact.deletion"), entry("contact.privacyDeletion"))
    assert {event.kind for event in events} == {"contact.deleted", "contact.privacy_deleted"}


def test_a_merge_is_about_the_survivor(parse):
    [event] = parse(
        entry("contact.merge", primaryObjectId=77, mergedObjectIds=[88], newObjectId=99, numberOfPropertiesMoved=3)
    )
    assert (event.kind, event.object_id) == ("contact.merged", "99")
    assert event.fields == {"merged_ids": "88;77"}


def test_two_properties_changed_in_one_edit_have_two_events(parse):
    events = parse(
        entry("contact.propertyChange", propertyName="lifecyclestage", propertyValue="customer"),
        entry("contact.propertyChange", propertyName="country", propertyValue="FR"),
    )
    assert len({event.key for event in events}) == 2


def test_a_withheld_value_is_none(parse):
    [event] = parse(entry("contact.propertyChange", propertyName="diagnosis", propertyValue="REDACTED"))
    assert event.fields == {"property": "diagnosis", "value": None}


def test_only_a_closed_ticket_stage_has_an_event(parse):
    assert [
        event.kind
        for event in parse(entry("ticket.propertyChange", propertyName="hs_pipeline_stage", propertyValue="4"))
    ] == ["ticket.closed"]
    assert parse(entry("ticket.propertyChange", propertyName="hs_pipeline_stage", propertyValue="2")) == []


def test_resent_repeated_and_unordered_entries_add_nothing(parse):
    early, late = won(objectId=1, occurredAt=MILLIS - 5000), won(objectId=2)
    events = parse(late, early, late | {"attemptNumber": 3, "eventId": 9}, early)
    assert [event.object_id for event in events] == ["1", "1", "2", "2"]


def test_a_request_can_hold_a_hundred_entries(parse):
    events = parse(*[won(objectId=number, eventId=1) for number in range(1, 101)])
    assert len([event for event in events if event.kind == "deal.won"]) == 100


def test_other_subscriptions_are_ignored(parse):
    assert parse(entry("company.creation"), entry("conversation.newMessage"), entry("deal.creation")) == []
    assert parse() == []


def test_events_of_another_portal_are_only_counted(parse):
    *events, foreign = parse(won(), won(portalId=1, objectId=5), won(portalId=2, objectId=6))
    assert events == parse(won())
    assert foreign == SkippedEntries(count=2, reason="another_account")
    with pytest.raises(WebhookRejected, match="another portal than portal_id 4242424"):
        parse(won(portalId=1))


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b'"text"', b"[1]", b'[{"objectId":1}]', b'[{"subscriptionType":5}]', b"[" * 100_000],
)
def test_a_malformed_body_is_unreadable(unprepared_connection, build_webhook_request, body):
    with pytest.raises(WebhookRejected) as raised:
        plugin.nps_parse_events(unprepared_connection, build_webhook_request(body))
    assert raised.value.reason == "unreadable"


@pytest.mark.parametrize(
    "wrong", [{"objectId": None}, {"objectId": "x"}, {"objectId": True}, {"occurredAt": "now"}, {"occurredAt": 10**17}]
)
def test_an_entry_without_its_object_or_time_is_unreadable(parse, wrong):
    with pytest.raises(WebhookRejected):
        parse(won() | wrong)


@pytest.mark.parametrize(
    "odd", [1, None, [], {}, {"subscriptionType": 5}, won() | {"occurredAt": str(MILLIS)}, won() | {"objectId": None}]
)
def test_one_odd_entry_is_counted_and_the_others_are_taken(make_connection, build_webhook_request, odd):
    connection = make_connection(portal_id=None)
    body = json.dumps([won(objectId=1), odd, won(objectId=2)]).encode()
    *events, skipped = plugin.nps_parse_events(connection, build_webhook_request(body))
    assert {event.object_id for event in events} == {"1", "2"}
    assert skipped == SkippedEntries(count=1, reason="unreadable_entry")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"subscriptionType": st.sampled_from(["deal.propertyChange", "contact.creation", "contact.merge", "x"]) | JSON},
        optional={
            name: JSON | st.integers(min_value=0, max_value=10**13)
            for name in ("objectId", "occurredAt", "propertyName", "propertyValue", "portalId", "newObjectId")
        },
    ),
    max_size=4,
)


@given(ENTRIES | JSON)
def test_any_json_has_events_or_is_unreadable(body):
    connection = connect(plugin, {"access_token": "pat-na1-none"}, transport=NoNetwork())
    request = WebhookRequest(
        method="POST",
        url="https://nps.example.com/hooks/crm",
        headers={},
        body=json.dumps(body).encode(),
        received_at=START,
    )
    try:
        events = plugin.nps_parse_events(connection, request)
    except WebhookRejected:
        return
    keys = [event.key for event in events if isinstance(event, Event)]
    assert len(set(keys)) == len(keys)


class NoNetwork:
    """Parsing is pure: this transport has no method to call."""
