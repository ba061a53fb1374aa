"""`nps-connect events`: look, replay after a fix, make by hand."""

import json

import pytest


def test_what_came_in_is_listed_newest_first(stocked):
    rows = json.loads(stocked("events", "list", "--json").out)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert {row["what"].split()[0] for row in rows} == {"deal.won"}
    assert "example.com" not in stocked("events", "list").out
    assert json.loads(stocked("events", "list", "--state", "dead", "--json").out) == []


def test_one_event_with_all_that_came_of_it(stocked):
    told = json.loads(stocked("events", "show", "1", "--json").out)
    assert told["contacts"] == ["crm:1"]
    assert [step["what"] for step in told["steps"]][:2] == ["event", "decision"]
    assert stocked("events", "show", "999").code == 1


def test_an_unreadable_webhook_is_read_again_after_a_fix(stocked):
    house = stocked.house
    house.webhook(body=b'{"not": "a list"}')
    house.run()
    assert "1 webhook" in stocked("events", "replay", "--raw", "--state", "dead", "--dry-run").out
    assert stocked("events", "replay", "--raw", "--state", "dead", "--yes").out == "Replayed 1 webhook; due now.\n"
    rows = json.loads(stocked("events", "list", "--raw", "--json").out)
    assert rows[0]["state"] == "pending"


def test_a_replay_asks_nobody_twice(stocked):
    house = stocked.house
    before = len(house.deliveries("send_survey"))
    assert json.loads(stocked("events", "replay", "--connection", "crm", "--yes", "--json").out)["replayed"] >= 5
    house.run()
    assert len(house.deliveries("send_survey")) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "name events by ID"),
        (["replay", "--since", "soon"], "not a duration"),
        (["send", "nowhere", "deal.won", "--contact", "1"], "there is no connection 'nowhere'"),
        (["send", "mail", "deal.won", "--contact", "1"], "mail gives no event 'deal.won'"),
        (["send", "mail", "deal.won", "--contact", "1", "--field", "x"], "is not NAME=VALUE"),
    ],
)
def test_mistakes_are_usage_errors(stocked, arguments, sentence):
    result = stocked("events", *arguments)
    assert result.code == 2
    assert sentence in " ".join(result.err.split())
