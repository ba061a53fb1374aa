import json
from datetime import timedelta

from sqlalchemy import update

from nps_connect.connection import system_clock
from nps_connect.ledger.tables import InvitationRow, ResponseRow


def test_confirmed_answers_newest_first(stocked):
    rows = json.loads(stocked("responses", "list", "--json").out)
    assert [(row["score"], row["segment"], row["contact"]) for row in rows] == [
        (2, "detractor", "crm:3"),
        (8, "passive", "crm:2"),
        (10, "promoter", "crm:1"),
    ]
    assert {row["state"] for row in rows} == {"confirmed"}
    assert "Parfait" in stocked("responses", "list").out


def test_one_segment_or_one_survey(stocked):
    assert [row["score"] for row in json.loads(stocked("responses", "list", "--segment", "passive", "--json").out)] == [
        8
    ]
    assert stocked("responses", "list", "--survey", "other").out == "no responses\n"


def test_provisional_answers_are_apart(stocked):
    [row] = json.loads(stocked("responses", "list", "--provisional", "--json").out)
    assert (row["state"], row["score"], row["contact"]) == ("provisional", 0, "crm:4")
    assert stocked("responses", "list", "--provisional", "--segment", "promoter").out == "no provisional responses\n"


def test_those_to_confirm_are_a_list_of_their_own(stocked):
    house = stocked.house
    assert stocked("responses", "list", "--to-confirm").out == "no provisional responses\n", "Anne's was a machine"
    assert "to confirm" not in stocked("status").out
    house.post.raising = []
    token = house.surveyed("6", "lea@example.com")
    house.clock.forward("1h")
    house.show(token, house.visit(score=4))
    with house.ledger.write() as session:  # the command line has the clock of the machine
        session.execute(update(ResponseRow).values(provisional_at=system_clock() - timedelta(days=1)))
        session.execute(update(InvitationRow).values(expires_at=system_clock() + timedelta(days=1)))
    [row] = json.loads(stocked("responses", "list", "--to-confirm", "--json").out)
    assert (row["score"], row["contact"], row["signs"]) == (4, "crm:6", [])
    assert "please look: a detractor without signs of a machine" in stocked("responses", "list", "--to-confirm").out
    assert "to confirm: 1 detractor opened a score and pressed none" in stocked("status").out
    assert json.loads(stocked("status", "--json").out)["to_confirm"] == 1


def test_a_score_on_another_scale_has_no_segment(stocked):
    with stocked.house.ledger.write() as session:
        session.execute(update(ResponseRow).where(ResponseRow.score == 2).values(scale="stars-1-5"))
    [row] = [row for row in json.loads(stocked("responses", "list", "--json").out) if row["score"] == 2]
    assert row["segment"] is None
    assert stocked("responses", "list", "--segment", "detractor").out == "no responses\n"


def test_a_long_list_is_cut_and_says_so(stocked):
    assert stocked("responses", "list", "--limit", "1").out.endswith("There are more; show them with --limit 10.\n")
