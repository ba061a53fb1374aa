"""HubSpot's quotas and error statuses, each against the portal over the real client."""

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
    SetupMissing,
    TargetGone,
)
from nps_connect_hubspot.errors import DailyLimitReached, error_in_batch, record_ids


def write(connection, build_score_update, person):
    return plugin.nps_write_scores(connection, [build_score_update(person.id)])


def test_the_burst_quota_pauses_for_ten_seconds(connection, vendor, clock, create_contacts, build_score_update):
    [person] = create_contacts(1)
    vendor.quotas.burst = 5
    clock.forward(timedelta(seconds=10))
    for _ in range(5):
        write(connection, build_score_update, person)
    with pytest.raises(RateLimited) as raised:
        write(connection, build_score_update, person)
    assert (raised.value.quota, raised.value.until) == ("general", clock() + timedelta(seconds=10))
    clock.forward(timedelta(seconds=10))
    write(connection, build_score_update, person)


def test_the_search_quota_is_separate(connection, vendor, clock, create_contacts):
    keys = [ContactKey(kind="email", value=f"nobody{number}@example.com") for number in range(6)]
    with pytest.raises(RateLimited) as raised:
        plugin.nps_find_contacts(connection, keys)
    assert (raised.value.quota, raised.value.until) == ("search", clock() + timedelta(seconds=1))
    assert vendor.quotas.refused == 1


def test_the_daily_limit_pauses_until_the_portals_midnight(
    make_connection, connection, vendor, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    with pytest.raises(DailyLimitReached) as raised:
        write(make_connection(portal_timezone="Europe/Paris"), build_score_update, person)
    assert raised.value.until == datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert isinstance(raised.value, RateLimited)


def test_the_daily_limit_is_probed_every_15_minutes_without_a_time_zone(
    make_connection, connection, vendor, clock, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    with pytest.raises(DailyLimitReached) as raised:
        write(make_connection(), build_score_update, person)
    assert raised.value.until == clock() + timedelta(minutes=15)


def test_the_daily_count_restarts_at_the_portals_midnight(
    connection, vendor, clock, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    vendor.quotas.daily = vendor.quotas.used_today
    clock.now = datetime(2026, 3, 2, 23, 0, 1, tzinfo=UTC)
    [outcome] = write(connection, build_score_update, person)
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
def test_the_pause_after_a_429(
    connection, transport, clock, create_contacts, build_score_update, body, headers, seconds
):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(429, json={"status": "error", **body}, headers=headers)]
    with pytest.raises(RateLimited) as raised:
        write(connection, build_score_update, person)
    assert raised.value.until == clock() + timedelta(seconds=seconds)


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
def test_error_statuses_of_an_idempotent_write(
    connection, transport, create_contacts, build_score_update, status, headers, kind, seconds
):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(status, headers=headers)]
    with pytest.raises(kind) as raised:
        write(connection, build_score_update, person)
    assert raised.value.after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, RetryLater) for status in (423, 477, 503, 521, 523)),
        *((status, OutcomeUnknown) for status in (502, 504, 524)),
    ],
)
def test_error_statuses_of_a_note_that_is_not_idempotent(
    make_connection, connection, transport, create_contacts, build_score_update, status, kind
):
    [person] = create_contacts(1)
    transport.faults = [lambda _request: None, httpx.Response(status)]
    [outcome] = write(make_connection(notes=True), build_score_update, person)
    assert type(outcome) is kind


def test_a_locked_record_is_retried_later(connection, portal, create_contacts, build_score_update):
    [person] = create_contacts(1)
    portal.locked.add(person.id)
    with pytest.raises(RetryLater) as raised:
        write(connection, build_score_update, person)
    assert (raised.value.status, raised.value.after) == (423, timedelta(seconds=2))
    portal.locked.clear()
    [outcome] = write(connection, build_score_update, person)
    assert outcome.id == person.id


def test_the_vendor_request_id_is_kept(connection, transport, create_contacts, build_score_update):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(500, headers={"X-HubSpot-Correlation-Id": "abc-1"})]
    with pytest.raises(RetryLater) as raised:
        write(connection, build_score_update, person)
    assert raised.value.request_id == "abc-1"


def test_an_error_never_contains_the_contacts_values(connection, transport, create_contacts, build_score_update):
    [person] = create_contacts(1)
    text = 'Property values were not valid: [{"name":"nps_comment","error":"TOO_LONG","message":"jean.dupont@example.com wrote"}]'
    transport.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR", "message": text})]
    [outcome] = write(connection, build_score_update, person)
    assert outcome.message == "HubSpot refused the call (VALIDATION_ERROR): nps_comment (TOO_LONG)"
    assert "jean.dupont" not in repr(outcome.exchange)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"category": "OBJECT_NOT_FOUND", "context": {"ids": ["1"]}}, TargetGone),
        ({"category": "VALIDATION_ERROR"}, Rejected),
        ({"category": "VALIDATION_ERROR", "errors": [{"code": "READ_ONLY_VALUE"}]}, SetupMissing),
        ({"category": "VALIDATION_ERROR", "subCategory": {"a": 1}}, Rejected),
        ({"category": "MISSING_SCOPES", "context": {"requiredScopes": ["crm.x"]}}, NotAllowed),
        ({"category": "RATE_LIMITS"}, RateLimited),
        ({"category": "INTERNAL_ERROR"}, RetryLater),
        ({"category": "CONFLICT"}, Rejected),
        ({}, Rejected),
        ({"category": 5, "context": [], "errors": "x", "message": None}, Rejected),
    ],
)
def test_error_classes_of_batch_entries(entry, kind):
    assert type(error_in_batch(entry)) is kind


@pytest.mark.parametrize(
    ("context", "ids"),
    [({"ids": ["1", 2]}, ("1", "2")), ({"id": "3"}, ("3",)), ({"ids": True}, ()), ([], ()), (None, ())],
)
def test_record_ids_of_an_error(context, ids):
    assert record_ids({"context": context}) == ids


def test_a_lost_permission_of_the_admin_is_not_allowed_without_a_scope(
    connection, transport, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(403, json={"category": "USER_DOES_NOT_HAVE_PERMISSIONS"})]
    with pytest.raises(NotAllowed) as raised:
        write(connection, build_score_update, person)
    assert raised.value.scope is None
