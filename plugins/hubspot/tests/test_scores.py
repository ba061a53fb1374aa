"""Scores onto contact records: one call per 100, one outcome per contact, the newest answer wins."""

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


def test_a_hundred_scores_cost_one_call(connection, wire, create_contacts, updating, vendor):
    people = create_contacts(100)
    outcomes = plugin.nps_write_scores(
        connection, [updating(person.id, index % 11) for index, person in enumerate(people)]
    )
    assert [outcome.id for outcome in outcomes] == [person.id for person in people]
    assert wire.paths() == ["/crm/objects/2026-09/contacts/batch/update"]
    assert list(vendor.effects().scores.values()) == [index % 11 for index in range(100)]


def test_every_value_is_a_text_and_the_address_is_never_among_them(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    update = updating(
        person.id,
        3,
        comment="trop lent",
        history=[
            EarlierResponse(score=8, answered_at=connection.clock() - timedelta(days=100), survey="s", touchpoint="t")
        ],
        response_count=2,
    )
    plugin.nps_write_scores(connection, [update])
    [row] = wire.requests[0].json()["inputs"]
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
def test_absent_contacts_are_skipped_and_block_nobody(
    connecting, connection, create_contacts, updating, portal, version
):
    people = create_contacts(3)
    del portal.records["contacts"][people[1].id]
    outcomes = plugin.nps_write_scores(connecting(api_version=version), [updating(person.id) for person in people])
    assert [type(outcome) for outcome in outcomes] == [Receipt, TargetGone, Receipt]


@BOTH
def test_an_archived_contact_is_gone(connecting, connection, create_contacts, updating, version):
    [person] = create_contacts(1)
    person.archived = True
    [outcome] = plugin.nps_write_scores(connecting(api_version=version), [updating(person.id)])
    assert isinstance(outcome, TargetGone)


def test_one_bad_record_never_blocks_the_others(connection, wire, create_contacts, updating, vendor):
    people = create_contacts(100)
    updates = [updating(person.id) for person in people]
    bad = people[37].id

    def refuse_the_bad_one(request):
        if bad in [row["id"] for row in json.loads(request.content)["inputs"]]:
            body = {"category": "VALIDATION_ERROR", "message": "a rule of an admin asks for a phone number"}
            return httpx.Response(400, json=body)
        return None

    wire.faults = [refuse_the_bad_one] * 20
    outcomes = plugin.nps_write_scores(connection, updates)
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)] == [37]
    assert len(vendor.effects().scores) == 99
    assert len(wire.requests) <= 8  # log2(100) halves that were accepted


def test_errors_without_ids_are_told_apart_with_smaller_batches(connection, wire, create_contacts, updating):
    people = create_contacts(4)
    updates = [updating(person.id) for person in people]
    ok = [{"id": people[0].id, "properties": {}}, {"id": people[2].id, "properties": {}}]
    errors = [{"category": "VALIDATION_ERROR", "message": ""}, {"category": "OBJECT_NOT_FOUND", "message": ""}]
    wire.faults = [httpx.Response(207, json={"status": "COMPLETE", "results": ok, "numErrors": 2, "errors": errors})]
    outcomes = plugin.nps_write_scores(connection, updates)
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert rows_of(wire.requests[-1]) == [people[1].id, people[3].id]


def test_one_reason_for_all_that_failed_needs_no_further_call(connection, wire, create_contacts, updating):
    people = create_contacts(3)
    answer = {"status": "COMPLETE", "results": [{"id": people[0].id}], "errors": [{"category": "OBJECT_NOT_FOUND"}]}
    wire.faults = [httpx.Response(200, json=answer)]
    outcomes = plugin.nps_write_scores(connection, [updating(person.id) for person in people])
    assert [type(outcome) for outcome in outcomes] == [Receipt, TargetGone, TargetGone]
    assert wire.requests == []


def test_a_merged_contact_is_written_and_answers_under_the_survivors_id(
    connection, create_contacts, updating, portal, clock
):
    survivor, loser = create_contacts(2)
    portal.merge(survivor, loser, clock())
    [outcome] = plugin.nps_write_scores(connection, [updating(loser.id, 10)])
    assert isinstance(outcome, Receipt)
    assert survivor.properties["nps_score"] == "10"


def test_the_later_of_two_answers_in_one_batch_is_written(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    early, late = updating(person.id, 2, ago=timedelta(minutes=2)), updating(person.id, 9)
    outcomes = plugin.nps_write_scores(connection, [late, early])
    assert person.properties["nps_score"] == "9"
    assert [outcome.note for outcome in outcomes] == [None, "a later answer is already there"]


def test_an_older_answer_never_overwrites_a_newer_one(connection, clock, create_contacts, updating):
    people = create_contacts(2)
    plugin.nps_write_scores(connection, [updating(people[0].id, 9)])
    clock.forward(timedelta(hours=1))
    late = [updating(person.id, 2, ago=timedelta(hours=2)) for person in people]
    outcomes = plugin.nps_write_scores(connection, late)
    assert [person.properties["nps_score"] for person in people] == ["9", "2"]
    assert [outcome.note for outcome in outcomes] == ["a later answer is already there", None]


def test_the_same_answer_twice_leaves_one_effect(connection, clock, create_contacts, updating):
    [person] = create_contacts(1)
    update = updating(person.id, 7)
    plugin.nps_write_scores(connection, [update])
    clock.forward(timedelta(hours=1))
    [outcome] = plugin.nps_write_scores(connection, [update])
    assert outcome.note is None
    assert len(person.history["nps_score"]) == 1


def test_a_portal_without_the_properties_holds_the_action_and_says_what_to_do(bare, wire, create_contacts, updating):
    people = create_contacts(100)
    with pytest.raises(NotAllowed, match=r"nps_score does not exist.*connections plan"):
        plugin.nps_write_scores(bare, [updating(person.id) for person in people])
    assert len(wire.requests) == 1


def test_a_locked_property_holds_the_action(connection, create_contacts, updating, portal):
    [person] = create_contacts(1)
    portal.definitions["contacts"]["nps_comment"]["modificationMetadata"]["readOnlyValue"] = True
    with pytest.raises(NotAllowed, match="nps_comment is read-only"):
        plugin.nps_write_scores(connection, [updating(person.id)])


def test_a_missing_scope_is_named(connection, create_contacts, updating, portal):
    [person] = create_contacts(1)
    portal.scopes.remove("crm.objects.contacts.write")
    with pytest.raises(NotAllowed) as caught:
        plugin.nps_write_scores(connection, [updating(person.id)])
    assert caught.value.scope == "crm.objects.contacts.write"
    assert (caught.value.connection, caught.value.action, caught.value.status) == ("crm", "write_score", 403)


def test_a_wrong_token_holds_the_connection_and_is_never_shown(connecting, create_contacts, updating):
    [person] = create_contacts(1)
    with pytest.raises(AuthFailed) as caught:
        plugin.nps_write_scores(connecting(access_token="pat-na1-wrong"), [updating(person.id)])
    assert "pat-na1-wrong" not in repr(caught.value.__dict__)
    assert caught.value.request_id


def test_a_version_that_ended_is_not_taken_for_missing_records(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(404, text="<html>Not Found</html>")]
    with pytest.raises(Rejected, match="API version 2026-09 may have ended"):
        plugin.nps_write_scores(connection, [updating(person.id)])


def test_an_answer_of_another_shape_is_tried_again_without_a_storm_of_calls(
    connection, wire, create_contacts, updating
):
    people = create_contacts(100)
    wire.faults = [httpx.Response(200, json={"welcome": True})] * 5
    outcomes = plugin.nps_write_scores(connection, [updating(person.id) for person in people])
    assert {type(outcome) for outcome in outcomes} == {RetryLater}
    assert len(wire.faults) == 4


def test_a_batch_that_is_not_finished_is_tried_again(connection, wire, create_contacts, updating):
    [person] = create_contacts(1)
    wire.faults = [httpx.Response(200, json={"status": "PROCESSING", "results": []})]
    [outcome] = plugin.nps_write_scores(connection, [updating(person.id)])
    assert isinstance(outcome, RetryLater)


@pytest.mark.parametrize(
    ("policy", "written"), [("full", "Lent <b>"), ("link", "https://nps.example.com/c/1"), ("none", "")]
)
def test_the_route_decides_what_is_written_of_the_comment(connection, create_contacts, updating, policy, written):
    [person] = create_contacts(1, nps_comment="an earlier one")
    update = updating(person.id, comment="Lent <b>", comment_policy=policy, comment_link="https://nps.example.com/c/1")
    plugin.nps_write_scores(connection, [update])
    assert person.properties["nps_comment"] == written


def test_an_answer_without_a_comment_clears_the_earlier_one(connection, create_contacts, updating):
    [person] = create_contacts(1, nps_comment="an earlier one")
    plugin.nps_write_scores(connection, [updating(person.id)])
    assert person.properties["nps_comment"] == ""


@pytest.mark.parametrize("length", [65_536, 65_537, 100_000])
def test_long_comments_fit(connection, create_contacts, updating, length):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_scores(connection, [updating(person.id, comment="é" * length)])
    assert isinstance(outcome, Receipt)
    assert len(person.properties["nps_comment"]) == 65_536


def test_formulas_in_comments_are_disarmed_because_contacts_are_exported(connection, create_contacts, updating):
    [person] = create_contacts(1)
    plugin.nps_write_scores(connection, [updating(person.id, comment='=HYPERLINK("https://example.com")')])
    assert person.properties["nps_comment"] == '\'=HYPERLINK("https://example.com")'
