"""`nps-connect responses list`: confirmed and provisional responses."""

import json
from datetime import timedelta

from sqlalchemy import update

from nps_connect.connection import system_clock
from nps_connect.ledger.tables import InvitationRow, ResponseRow


def test_confirmed_responses_newest_first(seeded_cli):
    rows = json.loads(seeded_cli("responses", "list", "--json").out)["items"]
    assert [(row["score"], row["segment"], row["contact"]) for row in rows] == [
        (2, "detractor", "crm:3"),
        (8, "passive", "crm:2"),
        (10, "promoter", "crm:1"),
    ]
    assert {row["state"] for row in rows} == {"confirmed"}
    assert "Parfait" in seeded_cli("responses", "list").out


def test_segment_and_survey_filters(seeded_cli):
    assert [
        row["score"]
        for row in json.loads(seeded_cli("responses", "list", "--segment", "passive", "--json").out)["items"]
    ] == [8]
    refused = seeded_cli("responses", "list", "--survey", "after-purchas")
    assert (refused.code, "did you mean 'after-purchase'?" in refused.err) == (2, True)


def test_provisional_responses_are_listed_separately(seeded_cli):
    [row] = json.loads(seeded_cli("responses", "list", "--provisional", "--json").out)["items"]
    assert (row["state"], row["score"], row["contact"]) == ("provisional", 0, "crm:4")
    assert seeded_cli("responses", "list", "--provisional", "--segment", "promoter").out == "no provisional responses\n"


def test_to_confirm_lists_detractors_without_bot_signals(seeded_cli):
    application = seeded_cli.application
    assert seeded_cli("responses", "list", "--to-confirm").out == "no provisional responses\n", (
        "Anne's visit shows bot signals"
    )
    assert "unconfirmed-detractors" not in seeded_cli("status").out
    application.post.raising = []
    token = application.surveyed("6", "lea@example.com")
    application.clock.forward("1h")
    application.show(token, application.visit(score=4))
    with application.ledger.write() as session:  # the command line uses the system clock
        session.execute(update(ResponseRow).values(provisional_at=system_clock() - timedelta(days=1)))
        session.execute(update(InvitationRow).values(expires_at=system_clock() + timedelta(days=1)))
    [row] = json.loads(seeded_cli("responses", "list", "--to-confirm", "--json").out)["items"]
    assert (row["score"], row["contact"], row["signs"]) == (4, "crm:6", [])
    assert "needs attention: detractor without signs of a bot" in seeded_cli("responses", "list", "--to-confirm").out
    assert "detractors who pressed a score and did not confirm it: 1" in seeded_cli("status").out
    assert json.loads(seeded_cli("status", "--json").out)["to_confirm"] == 1


def test_score_on_another_scale_has_no_segment(seeded_cli):
    with seeded_cli.application.ledger.write() as session:
        session.execute(update(ResponseRow).where(ResponseRow.score == 2).values(scale="stars-1-5"))
    [row] = [row for row in json.loads(seeded_cli("responses", "list", "--json").out)["items"] if row["score"] == 2]
    assert row["segment"] is None
    assert seeded_cli("responses", "list", "--segment", "detractor").out == "no responses\n"


def test_limit_hints_at_more_rows(seeded_cli):
    assert "to show the next ones, add: --cursor " in seeded_cli("responses", "list", "--limit", "1").out
