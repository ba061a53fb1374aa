"""nps_write_scores: user fields of the person who responded, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nps_connect import NotAllowed, RateLimited, Receipt, TargetGone
from nps_connect.testing import START
from nps_connect_zendesk import nps_write_scores
from nps_connect_zendesk.simulated import Simulated


def write_scores(connection, *updates):
    return list(nps_write_scores(connection, updates))


def user_fields(vendor, email="ada@example.com"):
    return vendor.account.user_with(email)["user_fields"]


def test_nps_write_scores_writes_score_category_and_date(vendor, helpdesk, score):
    (receipt,) = write_scores(helpdesk(), score())
    assert isinstance(receipt, Receipt)
    assert receipt.link == f"https://exemple.zendesk.com/agent/users/{receipt.id}"
    assert user_fields(vendor)["nps_score"] == 9
    assert user_fields(vendor)["nps_category"] == "promoter"
    assert user_fields(vendor)["nps_responded_at"] == "2026-03-02T00:00:00+00:00"
    assert vendor.effects().scores == {"ada@example.com": 9}


def test_only_user_fields_are_sent(helpdesk, score, transport):
    write_scores(helpdesk(), score())
    (sent,) = [request for request in transport.requests if request.method == "PUT"]
    assert set(json.loads(sent.body)["user"]) == {"user_fields"}


def test_no_address_and_no_user_is_added(vendor, helpdesk, score):
    before = len(vendor.account.users)
    write_scores(helpdesk(), score())
    user = vendor.account.user_with("ada@example.com")
    assert vendor.account.identities[user["id"]] == ["ada@example.com"]
    assert len(vendor.account.users) == before


class TestComment:
    def test_the_comment_is_not_written_without_a_field(self, vendor, helpdesk, score):
        write_scores(helpdesk(), score())
        assert user_fields(vendor)["nps_comment"] is None

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ("full", "Late, and { {nobody}} answered."),
            ("link", "https://nps.example.com/responses/1"),
            ("none", None),
        ],
    )
    def test_the_comment_policy_is_applied(self, vendor, helpdesk, score, make_response, policy, expected):
        update = score(
            response=make_response(comment="Late, and {{nobody}} answered."),
            comment_policy=policy,
            comment_link="https://nps.example.com/responses/1",
        )
        write_scores(helpdesk(comment_field="nps_comment"), update)
        assert user_fields(vendor)["nps_comment"] == expected


class TestOrder:
    @pytest.mark.parametrize("age", [timedelta(milliseconds=1), timedelta(hours=2), timedelta(days=30)])
    def test_an_older_response_never_overwrites_a_newer_one(self, vendor, helpdesk, score, make_response, age):
        connection = helpdesk()
        write_scores(connection, score(response=make_response(score=9)))
        (receipt,) = write_scores(connection, score(response=make_response(score=1, answered_at=START - age)))
        assert "later response" in receipt.note
        assert user_fields(vendor)["nps_score"] == 9

    def test_a_newer_response_and_a_repeated_one_are_written(self, vendor, helpdesk, score, make_response):
        connection = helpdesk()
        later = score(response=make_response(score=3, answered_at=START + timedelta(seconds=1)))
        for update in (score(), later, later):
            (receipt,) = write_scores(connection, update)
            assert receipt.note is None
        assert user_fields(vendor)["nps_score"] == 3

    def test_without_the_reference_the_day_is_compared(self, vendor, helpdesk, score, make_response):
        connection = helpdesk()
        write_scores(connection, score())
        user_fields(vendor)["nps_answer"] = None
        (same_day,) = write_scores(
            connection, score(response=make_response(score=8, answered_at=START - timedelta(hours=2)))
        )
        assert same_day.note is None
        user_fields(vendor)["nps_answer"] = None
        (day_before,) = write_scores(
            connection, score(response=make_response(score=7, answered_at=START - timedelta(days=1)))
        )
        assert "later response" in day_before.note
        assert user_fields(vendor)["nps_score"] == 8


class TestRefusals:
    def test_a_missing_user_is_gone_and_the_others_are_written(self, vendor, helpdesk, score, person):
        gone = score(contact=person(connection="helpdesk", id="4711"))
        outcomes = write_scores(helpdesk(), gone, score())
        assert isinstance(outcomes[0], TargetGone)
        assert isinstance(outcomes[1], Receipt)

    def test_a_deleted_user_is_gone(self, vendor, helpdesk, score):
        update = score()
        vendor.simulate_event("contact.deleted", "ada@example.com")
        (outcome,) = write_scores(helpdesk(), update)
        assert isinstance(outcome, TargetGone)

    def test_a_missing_user_field_names_the_setup_command(self, clock, helpdesk, score, vendor):
        vendor.account.resources["user_fields"].clear()
        for user in vendor.account.users.values():
            user["user_fields"].clear()
        (outcome,) = write_scores(helpdesk(), score())
        assert isinstance(outcome, NotAllowed)
        assert "nps-connect connections apply helpdesk" in str(outcome)

    def test_the_limit_per_user_pauses_user_updates_only(self, helpdesk, score, make_response):
        connection = helpdesk()
        outcomes = []
        for number in range(6):
            moment = START + timedelta(seconds=number)
            outcomes += write_scores(connection, score(response=make_response(answered_at=moment)))
        assert all(isinstance(outcome, Receipt) for outcome in outcomes[:5])
        assert isinstance(outcomes[5], RateLimited)
        assert outcomes[5].quota == "user_update"
        assert outcomes[5].until == START + timedelta(seconds=60)


def test_a_batch_reads_all_users_in_one_call(clock, helpdesk, score, person, transport, vendor):
    users = [vendor.account.add_user(f"Person {number}", f"p{number}@example.com") for number in range(20)]
    updates = [score(contact=person(connection="helpdesk", id=str(user["id"]))) for user in users]
    outcomes = write_scores(helpdesk(), *updates)
    assert [outcome.id for outcome in outcomes] == [str(user["id"]) for user in users]
    assert sum(request.method == "GET" for request in transport.requests) == 1


def test_field_keys_are_configurable(clock, helpdesk, score, vendor):
    vendor.account.resources["user_fields"].append({"id": 1, "key": "my_score", "type": "integer", "active": True})
    write_scores(helpdesk(score_field="my_score"), score())
    assert user_fields(vendor)["my_score"] == 9
    assert user_fields(vendor)["nps_score"] is None


def test_the_simulated_account_is_set_up_by_default(clock):
    assert Simulated(clock).account.resources["user_fields"]
    assert "user_fields" not in Simulated(clock, set_up=False).account.resources
