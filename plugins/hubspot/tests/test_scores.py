"""Scores: one call per 100 contacts, one outcome per contact, the newest response wins."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import AuthFailed, EarlierResponse, NotAllowed, Receipt, Rejected, RetryLater, TargetGone

BOTH = pytest.mark.parametrize("version", ["2026-03", "2026-09"])


def rows_of(request):
    return [row["id"] for row in request.json()["inputs"]]


def test_a_hundred_scores_need_one_call(connection, transport, create_contacts, build_score_update, vendor):
    people = create_contacts(100)
    outcomes = plugin.nps_write_scores(
        connection, [build_score_update(person.id, index % 11) for index, person in enumerate(people)]
    )
    assert [outcome.id for outcome in outcomes] == [person.id for person in people]
    assert transport.paths() == ["/crm/objects/2026-09/contacts/batch/update"]
    assert list(vendor.effects().scores.values()) == [index % 11 for index in range(100)]


def test_every_value_is_a_text_and_the_address_is_not_written(
    connection, transport, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    update = build_score_update(
        person.id,
        3,
        comment="trop lent",
        history=[
            EarlierResponse(score=8, answered_at=connection.clock() - timedelta(days=100), survey="s", touchpoint="t")
        ],
        response_count=2,
    )
    plugin.nps_write_scores(connection, [update])
    [row] = transport.requests[0].json()["inputs"]
    assert row == {
        "id": person.id,
        "properties": {
            "nps_score": "3",
            "nps_category": "detractor",
            "nps_comment": "trop lent",
            "nps_answered_at": "2026-03-02T08:59:00.000Z",
            "nps_survey": "after-purchase",
            "nps_touchpoint": "purchase",
            "nps_previous_score": "8",
            "nps_response_id": f"r-{person.id}",
            "nps_response_count": "2",
        },
    }
    assert person.properties["email"] == "person0@example.com"


@BOTH
def test_missing_contacts_are_gone_and_block_no_other(
    make_connection, connection, create_contacts, build_score_update, portal, version
):
    people = create_contacts(3)
    del portal.records["contacts"][people[1].id]
    outcomes = plugin.nps_write_scores(
        make_connection(api_version=version), [build_score_update(person.id) for person in people]
    )
    assert [type(outcome) for outcome in outcomes] == [Receipt, TargetGone, Receipt]


@BOTH
def test_an_archived_contact_is_gone(make_connection, connection, create_contacts, build_score_update, version):
    [person] = create_contacts(1)
    person.archived = True
    [outcome] = plugin.nps_write_scores(make_connection(api_version=version), [build_score_update(person.id)])
    assert isinstance(outcome, TargetGone)


def test_one_bad_record_does_not_block_the_others(connection, transport, create_contacts, build_score_update, vendor):
    people = create_contacts(100)
    updates = [build_score_update(person.id) for person in people]
    bad_id = people[37].id

    def reject_the_bad_record(request):
        if bad_id in [row["id"] for row in json.loads(request.content)["inputs"]]:
            body = {"category": "VALIDATION_ERROR", "message": "a rule of an admin asks for a phone number"}
            return httpx.Response(400, json=body)
        return None

    transport.faults = [reject_the_bad_record] * 20
    outcomes = plugin.nps_write_scores(connection, updates)
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)] == [37]
    assert len(vendor.effects().scores) == 99
    assert len(transport.requests) <= 8  # log2(100) halves that were accepted


def test_errors_without_ids_are_assigned_with_smaller_batches(
    connection, transport, create_contacts, build_score_update
):
    people = create_contacts(4)
    updates = [build_score_update(person.id) for person in people]
    results = [{"id": people[0].id, "properties": {}}, {"id": people[2].id, "properties": {}}]
    errors = [{"category": "VALIDATION_ERROR", "message": ""}, {"category": "OBJECT_NOT_FOUND", "message": ""}]
    body = {"status": "COMPLETE", "results": results, "numErrors": 2, "errors": errors}
    transport.faults = [httpx.Response(207, json=body)]
    outcomes = plugin.nps_write_scores(connection, updates)
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert rows_of(transport.requests[-1]) == [people[1].id, people[3].id]


def test_one_reason_for_all_failures_needs_no_further_call(connection, transport, create_contacts, build_score_update):
    people = create_contacts(3)
    body = {"status": "COMPLETE", "results": [{"id": people[0].id}], "errors": [{"category": "OBJECT_NOT_FOUND"}]}
    transport.faults = [httpx.Response(200, json=body)]
    outcomes = plugin.nps_write_scores(connection, [build_score_update(person.id) for person in people])
    assert [type(outcome) for outcome in outcomes] == [Receipt, TargetGone, TargetGone]
    assert transport.requests == []


def test_a_merged_contact_is_written_under_the_survivors_id(
    connection, create_contacts, build_score_update, portal, clock
):
    survivor, merged = create_contacts(2)
    portal.merge(survivor, merged, clock())
    [outcome] = plugin.nps_write_scores(connection, [build_score_update(merged.id, 10)])
    assert isinstance(outcome, Receipt)
    assert survivor.properties["nps_score"] == "10"


def test_the_later_of_two_responses_in_one_batch_is_written(connection, transport, create_contacts, build_score_update):
    [person] = create_contacts(1)
    early, late = build_score_update(person.id, 2, ago=timedelta(minutes=2)), build_score_update(person.id, 9)
    outcomes = plugin.nps_write_scores(connection, [late, early])
    assert person.properties["nps_score"] == "9"
    assert [outcome.note for outcome in outcomes] == [None, "a later response is already there"]


def test_an_older_response_never_overwrites_a_newer_one(connection, clock, create_contacts, build_score_update):
    people = create_contacts(2)
    plugin.nps_write_scores(connection, [build_score_update(people[0].id, 9)])
    clock.forward(timedelta(hours=1))
    late = [build_score_update(person.id, 2, ago=timedelta(hours=2)) for person in people]
    outcomes = plugin.nps_write_scores(connection, late)
    assert [person.properties["nps_score"] for person in people] == ["9", "2"]
    assert [outcome.note for outcome in outcomes] == ["a later response is already there", None]


def test_writing_a_response_twice_has_one_effect(connection, clock, create_contacts, build_score_update):
    [person] = create_contacts(1)
    update = build_score_update(person.id, 7)
    plugin.nps_write_scores(connection, [update])
    clock.forward(timedelta(hours=1))
    [outcome] = plugin.nps_write_scores(connection, [update])
    assert outcome.note is None
    assert len(person.history["nps_score"]) == 1


def test_missing_properties_hold_the_action_and_name_the_fix(
    unprepared_connection, transport, create_contacts, build_score_update
):
    people = create_contacts(100)
    with pytest.raises(NotAllowed, match=r"nps_score does not exist.*connections plan"):
        plugin.nps_write_scores(unprepared_connection, [build_score_update(person.id) for person in people])
    assert len(transport.requests) == 1


def test_a_locked_property_holds_the_action(connection, create_contacts, build_score_update, portal):
    [person] = create_contacts(1)
    portal.definitions["contacts"]["nps_comment"]["modificationMetadata"]["readOnlyValue"] = True
    with pytest.raises(NotAllowed, match="nps_comment is read-only"):
        plugin.nps_write_scores(connection, [build_score_update(person.id)])


def test_a_missing_scope_is_named(connection, create_contacts, build_score_update, portal):
    [person] = create_contacts(1)
    portal.scopes.remove("crm.objects.contacts.write")
    with pytest.raises(NotAllowed) as raised:
        plugin.nps_write_scores(connection, [build_score_update(person.id)])
    assert raised.value.scope == "crm.objects.contacts.write"
    assert (raised.value.connection, raised.value.action, raised.value.status) == ("crm", "write_score", 403)


def test_a_wrong_token_raises_auth_failed_without_the_token(make_connection, create_contacts, build_score_update):
    [person] = create_contacts(1)
    with pytest.raises(AuthFailed) as raised:
        plugin.nps_write_scores(make_connection(access_token="pat-na1-wrong"), [build_score_update(person.id)])
    assert "pat-na1-wrong" not in repr(raised.value.__dict__)
    assert raised.value.request_id


def test_an_ended_api_version_is_not_taken_for_missing_records(
    connection, transport, create_contacts, build_score_update
):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(404, text="<html>Not Found</html>")]
    with pytest.raises(Rejected, match="API version 2026-09 may have ended"):
        plugin.nps_write_scores(connection, [build_score_update(person.id)])


def test_an_unexpected_response_is_retried_later_without_further_calls(
    connection, transport, create_contacts, build_score_update
):
    people = create_contacts(100)
    transport.faults = [httpx.Response(200, json={"welcome": True})] * 5
    outcomes = plugin.nps_write_scores(connection, [build_score_update(person.id) for person in people])
    assert {type(outcome) for outcome in outcomes} == {RetryLater}
    assert len(transport.faults) == 4


def test_an_unfinished_batch_is_retried_later(connection, transport, create_contacts, build_score_update):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(200, json={"status": "PROCESSING", "results": []})]
    [outcome] = plugin.nps_write_scores(connection, [build_score_update(person.id)])
    assert isinstance(outcome, RetryLater)


@pytest.mark.parametrize(
    ("policy", "written"), [("full", "Lent <b>"), ("link", "https://nps.example.com/c/1"), ("none", "")]
)
def test_the_comment_policy_sets_what_is_written(connection, create_contacts, build_score_update, policy, written):
    [person] = create_contacts(1, nps_comment="an earlier one")
    update = build_score_update(
        person.id, comment="Lent <b>", comment_policy=policy, comment_link="https://nps.example.com/c/1"
    )
    plugin.nps_write_scores(connection, [update])
    assert person.properties["nps_comment"] == written


def test_a_response_without_a_comment_clears_the_earlier_one(connection, create_contacts, build_score_update):
    [person] = create_contacts(1, nps_comment="an earlier one")
    plugin.nps_write_scores(connection, [build_score_update(person.id)])
    assert person.properties["nps_comment"] == ""


@pytest.mark.parametrize("length", [65_536, 65_537, 100_000])
def test_long_comments_are_truncated(connection, create_contacts, build_score_update, length):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_scores(connection, [build_score_update(person.id, comment="é" * length)])
    assert isinstance(outcome, Receipt)
    assert len(person.properties["nps_comment"]) == 65_536


def test_formulas_in_comments_are_escaped(connection, create_contacts, build_score_update):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection, [build_score_update(person.id, comment='=HYPERLINK("https://example.com")')])
    assert person.properties["nps_comment"] == '\'=HYPERLINK("https://example.com")'
