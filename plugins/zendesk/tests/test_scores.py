"""nps_write_scores: user fields of the person who answered, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nps_connect import NotAllowed, RateLimited, Receipt, TargetGone
from nps_connect.testing import START
from nps_connect_zendesk import nps_write_scores
from nps_connect_zendesk.simulated import Simulated


def written(connection, *updates):
    return list(nps_write_scores(connection, updates))


def fields(vendor, email="ada@example.com"):
    return vendor.account.user_with(email)["user_fields"]


def test_nps_write_scores_puts_score_category_and_date_on_the_profile(vendor, helpdesk, score):
    (receipt,) = written(helpdesk(), score())
    assert isinstance(receipt, Receipt)
    assert receipt.link == f"https://exemple.zendesk.com/agent/users/{receipt.id}"
    assert fields(vendor)["nps_score"] == 9
    assert fields(vendor)["nps_category"] == "promoter"
    assert fields(vendor)["nps_responded_at"] == "2026-03-02T00:00:00+00:00"
    assert vendor.effects().scores == {"ada@example.com": 9}


def test_only_user_fields_are_sent(helpdesk, score, transport):
    written(helpdesk(), score())
    (sent,) = [request for request in transport.requests if request.method == "PUT"]
    assert set(json.loads(sent.body)["user"]) == {"user_fields"}


def test_no_address_and_no_user_is_added(vendor, helpdesk, score):
    before = len(vendor.account.users)
    written(helpdesk(), score())
    user = vendor.account.user_with("ada@example.com")
    assert vendor.account.identities[user["id"]] == ["ada@example.com"]
    assert len(vendor.account.users) == before


class TestComment:
    def test_it_is_not_written_unless_a_field_is_named(self, vendor, helpdesk, score):
        written(helpdesk(), score())
        assert fields(vendor)["nps_comment"] is None

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ("full", "Late, and { {nobody}} answered."),
            ("link", "https://nps.example.com/responses/1"),
            ("none", None),
        ],
    )
    def test_the_routes_policy_holds(self, vendor, helpdesk, score, answer, policy, expected):
        update = score(
            response=answer(comment="Late, and {{nobody}} answered."),
            comment_policy=policy,
            comment_link="https://nps.example.com/responses/1",
        )
        written(helpdesk(comment_field="nps_comment"), update)
        assert fields(vendor)["nps_comment"] == expected


class TestOrder:
    @pytest.mark.parametrize("earlier", [timedelta(milliseconds=1), timedelta(hours=2), timedelta(days=30)])
    def test_an_older_answer_never_overwrites_a_newer_one(self, vendor, helpdesk, score, answer, earlier):
        connection = helpdesk()
        written(connection, score(response=answer(score=9)))
        (receipt,) = written(connection, score(response=answer(score=1, answered_at=START - earlier)))
        assert "later answer" in receipt.note
        assert fields(vendor)["nps_score"] == 9

    def test_a_newer_one_and_the_same_one_again_are_written(self, vendor, helpdesk, score, answer):
        connection = helpdesk()
        later = score(response=answer(score=3, answered_at=START + timedelta(seconds=1)))
        for update in (score(), later, later):
            (receipt,) = written(connection, update)
            assert receipt.note is None
        assert fields(vendor)["nps_score"] == 3

    def test_without_the_reference_the_day_decides(self, vendor, helpdesk, score, answer):
        connection = helpdesk()
        written(connection, score())
        fields(vendor)["nps_answer"] = None
        (same_day,) = written(connection, score(response=answer(score=8, answered_at=START - timedelta(hours=2))))
        assert same_day.note is None
        fields(vendor)["nps_answer"] = None
        (day_before,) = written(connection, score(response=answer(score=7, answered_at=START - timedelta(days=1))))
        assert "later answer" in day_before.note
        assert fields(vendor)["nps_score"] == 8


class TestRefusals:
    def test_a_user_who_is_gone_is_skipped_and_the_others_are_written(self, vendor, helpdesk, score, person):
        gone = score(contact=person(connection="helpdesk", id="4711"))
        outcomes = written(helpdesk(), gone, score())
        assert isinstance(outcomes[0], TargetGone)
        assert isinstance(outcomes[1], Receipt)

    def test_a_deleted_user_is_gone(self, vendor, helpdesk, score):
        update = score()
        vendor.simulate_event("contact.deleted", "ada@example.com")
        (outcome,) = written(helpdesk(), update)
        assert isinstance(outcome, TargetGone)

    def test_a_missing_user_field_holds_the_action_and_names_the_command(self, clock, helpdesk, score, vendor):
        vendor.account.resources["user_fields"].clear()
        for user in vendor.account.users.values():
            user["user_fields"].clear()
        (outcome,) = written(helpdesk(), score())
        assert isinstance(outcome, NotAllowed)
        assert "nps-connect connections apply helpdesk" in str(outcome)

    def test_the_limit_per_user_pauses_user_updates_only(self, helpdesk, score, answer):
        connection = helpdesk()
        outcomes = []
        for number in range(6):
            moment = START + timedelta(seconds=number)
            outcomes += written(connection, score(response=answer(answered_at=moment)))
        assert all(isinstance(outcome, Receipt) for outcome in outcomes[:5])
        assert isinstance(outcomes[5], RateLimited)
        assert outcomes[5].quota == "user_update"
        assert outcomes[5].until == START + timedelta(seconds=60)


def test_a_batch_reads_all_users_at_once(clock, helpdesk, score, person, transport, vendor):
    users = [vendor.account.add_user(f"Person {number}", f"p{number}@example.com") for number in range(20)]
    updates = [score(contact=person(connection="helpdesk", id=str(user["id"]))) for user in users]
    outcomes = written(helpdesk(), *updates)
    assert [outcome.id for outcome in outcomes] == [str(user["id"]) for user in users]
    assert sum(request.method == "GET" for request in transport.requests) == 1


def test_own_keys_of_fields(clock, helpdesk, score, vendor):
    vendor.account.resources["user_fields"].append({"id": 1, "key": "my_score", "type": "integer", "active": True})
    written(helpdesk(score_field="my_score"), score())
    assert fields(vendor)["my_score"] == 9
    assert fields(vendor)["nps_score"] is None


def test_the_sandbox_account_starts_set_up_and_tests_may_start_empty(clock):
    assert Simulated(clock).account.resources["user_fields"]
    assert "user_fields" not in Simulated(clock, set_up=False).account.resources
