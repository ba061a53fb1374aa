"""HubSpot's quotas and odd answers (its usage guidelines and error pages), each against the portal over the real client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import (
    ContactKey,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect_hubspot.errors import DailyLimitReached, error_in_batch, record_ids


def write(connection, updating, person):
    return plugin.nps_write_scores(connection, [updating(person.id)])


def test_the_burst_quota_is_waited_for(connection, vendor, clock, create_contacts, updating):
    [person] = create_contacts(1)
    vendor.quotas.burst = 5
    clock.forward(timedelta(seconds=10))
    for _ in range(5):
        write(connection, updating, person)
    with pytest.raises(RateLimited) as caught:
        write(connection, updating, person)
    assert (caught.value.quota, caught.value.until) == ("general", clock() + timedelta(seconds=10))
    clock.forward(timedelta(seconds=10))
    write(connection, updating, person)


def test_the_search_quota_is_another_one(connection, vendor, clock, create_contacts):
    keys = [ContactKey(kind="email", value=f"nobody{number}@example.com") for number in range(6)]
    with pytest.raises(RateLimited) as caught:
        plugin.nps_find_contacts(connection, keys)
    assert (caught.value.quota, caught.value.until) == ("search", clock() + timedelta(seconds=1))
    assert vendor.quotas.refused == 1


def test_the_daily_limit_is_waited_for_until_the_portals_midnight(
    connecting, connection, vendor, create_contacts, updating
):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    with pytest.raises(DailyLimitReached) as caught:
        write(connecting(portal_timezone="Europe/Paris"), updating, person)
    assert caught.value.until == datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert isinstance(caught.value, RateLimited)


def test_the_end_of_the_daily_limit_is_tried_now_and_then_where_the_time_zone_is_unknown(
    connecting, connection, vendor, clock, create_contacts, updating
):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    with pytest.raises(DailyLimitReached) as caught:
        write(connecting(), updating, person)
    assert caught.value.until == clock() + timedelta(minutes=15)


def test_the_daily_count_begins_anew_at_the_portals_midnight(connection, vendor, clock, create_contacts, updating):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    clock.now = datetime(2026, 3, 2, 23, 0, 1, tzinfo=UTC)
    [outcome] = write(connection, updating, person)
    assert outcome.id == person.id


LIMITED = [
    ({"policyName": "TEN_SECONDLY_ROLLING"}, {}, 10),
    ({"policyName": "SECONDLY"}, {}, 1),
    ({"message": "You have reached your secondly limit."}, {}, 1),
    ({"message": "You have reached your ten_secondly_rolling limit."}, {}, 10),
    ({}, {}, 10),
    ({"policyName": "TEN_SECONDLY_ROLLING"}, {"Retry-After": "3"}, 3),
    ({"policyName": "DAILY"}, {"Retry-After": "3"}, 900),
    ({"message": "You have reached your daily limit."}, {}, 900),
]


@pytest.mark.parametrize(("body", "headers", "seconds"), LIMITED)
def test_how_long_a_429_asks_to_wait(connection, wire, clock, create_contacts, updating, body, headers, seconds):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(429, json={"status": "error", **body}, headers=headers)]
    with pytest.raises(RateLimited) as caught:
        write(connection, updating, person)
    assert caught.value.until == clock() + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "seconds"),
    [
        (423, {}, RetryLater, 2),
        (477, {"Retry-After": "30"}, RetryLater, 30),
        (477, {}, RetryLater, 1),
        (521, {}, RetryLater, 1),
        (523, {}, RetryLater, 1),
        (502, {}, RetryLater, None),
        (503, {"Retry-After": "5"}, RetryLater, 5),
        (504, {}, RetryLater, None),
        (524, {}, RetryLater, None),
    ],
)
def test_odd_statuses_of_a_write_that_can_be_repeated(
    connection, wire, create_contacts, updating, status, headers, kind, seconds
):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(status, headers=headers)]
    with pytest.raises(kind) as caught:
        write(connection, updating, person)
    assert caught.value.after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, RetryLater) for status in (423, 477, 503, 521, 523)),
        *((status, OutcomeUnknown) for status in (502, 504, 524)),
    ],
)
def test_odd_statuses_of_a_note_that_must_not_be_made_twice(
    connecting, connection, wire, create_contacts, updating, status, kind
):
    [person] = create_contacts(1)
    wire.faults = [lambda _request: None, httpx.Response(status)]
    [outcome] = write(connecting(notes=True), updating, person)
    assert type(outcome) is kind


def test_a_record_that_somebody_else_holds(connection, portal, create_contacts, updating):
    [person] = create_contacts(1)
    portal.locked.add(person.id)
    with pytest.raises(RetryLater) as caught:
        write(connection, updating, person)
    assert (caught.value.status, caught.value.after) == (423, timedelta(seconds=2))
    portal.locked.clear()
    [outcome] = write(connection, updating, person)
    assert outcome.id == person.id


def test_the_vendors_request_id_is_kept_for_its_support(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(500, headers={"X-HubSpot-Correlation-Id": "abc-1"})]
    with pytest.raises(RetryLater) as caught:
        write(connection, updating, person)
    assert caught.value.request_id == "abc-1"


def test_a_refusal_never_repeats_the_contacts_values(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    told = 'Property values were not valid: [{"name":"nps_comment","error":"TOO_LONG","message":"jean.dupont@example.com wrote"}]'
    wire.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR", "message": told})]
    [outcome] = write(connection, updating, person)
    assert outcome.message == "HubSpot refused the call (VALIDATION_ERROR): nps_comment (TOO_LONG)"
    assert "jean.dupont" not in repr(outcome.exchange)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"category": "OBJECT_NOT_FOUND", "context": {"ids": ["1"]}}, TargetGone),
        ({"category": "VALIDATION_ERROR"}, Rejected),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "READ_ONLY_VALUE"}]}, NotAllowed),
        ({"category": "VALIDATION_ERROR", "subCategory": {"a": 1}}, Rejected),
        ({"category": "MISSING_SCOPES", "context": {"requiredScopes": ["crm.x"]}}, NotAllowed),
        ({"category": "RATE_LIMITS"}, RateLimited),
        ({"category": "INTERNAL_ERROR"}, RetryLater),
        ({"category": "CONFLICT"}, Rejected),
        ({}, Rejected),
        ({"category": 5, "context": [], "errors": "x", "message": None}, Rejected),
    ],
)
def test_one_error_of_a_batch(told, kind):
    assert type(error_in_batch(told)) is kind


@pytest.mark.parametrize(
    ("context", "ids"),
    [({"ids": ["1", 2]}, ("1", "2")), ({"id": "3"}, ("3",)), ({"ids": True}, ()), ([], ()), (None, ())],
)
def test_the_ids_that_an_error_names(context, ids):
    assert record_ids({"context": context}) == ids


def test_an_admins_lost_permission_is_told_without_a_scope(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(403, json={"category": "USER_DOES_NOT_HAVE_PERMISSIONS"})]
    with pytest.raises(NotAllowed) as caught:
        write(connection, updating, person)
    assert caught.value.scope is None
