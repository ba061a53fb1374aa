"""`nps-connect events`: look, replay after a fix, make by hand."""

import json
from contextlib import nullcontext

import pytest
from sqlalchemy import select

from nps_connect.cli._support.options import Options
from nps_connect.ledger.tables import EventRow


def test_what_came_in_is_listed_newest_first(seeded_cli):
    rows = json.loads(seeded_cli("events", "list", "--json").out)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert {row["what"].split()[0] for row in rows} == {"deal.won"}
    assert "example.com" not in seeded_cli("events", "list").out
    assert json.loads(seeded_cli("events", "list", "--state", "dead", "--json").out) == []


def test_what_is_listed_can_be_narrowed(seeded_cli):
    def ids(*arguments):
        return [row["id"] for row in json.loads(seeded_cli("events", "list", *arguments, "--json").out)]

    every = ids()
    assert ids("--contact", "marie@example.com") == ids("--contact", "marie@example.com", "--kind", "deal.won")
    assert len(ids("--contact", "marie@example.com")) == 1
    assert ids("--kind", "deal.lost") == []
    assert ids("--since", "2026-11-17", "--until", "2099-01-01") == every
    assert ids("--until", "2026-11-16") == []
    assert seeded_cli("events", "list", "--contact", "nobody@example.com").code == 1


def test_what_is_not_there_cannot_be_replayed(seeded_cli):
    result = seeded_cli("events", "replay", "999", "1", "--yes")
    assert (result.code, result.err) == (1, "Error: there is no event 999; see: nps-connect events list\n")


def test_a_replay_says_how_many_people_it_is_about(seeded_cli):
    told = seeded_cli("events", "replay", "--contact", "marie@example.com", "--dry-run").out
    assert told == "Would replay 1 event about 1 person.\n"


def test_one_event_with_all_that_came_of_it(seeded_cli):
    told = json.loads(seeded_cli("events", "show", "1", "--json").out)
    assert told["contacts"] == ["crm:1"]
    assert [entry["kind"] for entry in told["entries"]][:2] == ["event", "decision"]
    assert seeded_cli("events", "show", "999").code == 1


def test_an_unreadable_webhook_is_read_again_after_a_fix(seeded_cli):
    application = seeded_cli.application
    application.webhook(body=b'{"not": "a list"}')
    application.run()
    assert "1 webhook" in seeded_cli("events", "replay", "--raw", "--state", "dead", "--dry-run").out
    assert seeded_cli("events", "replay", "--raw", "--state", "dead", "--yes").out == "Replayed 1 webhook; due now.\n"
    rows = json.loads(seeded_cli("events", "list", "--raw", "--json").out)
    assert rows[0]["state"] == "pending"


def test_a_replay_asks_nobody_twice(seeded_cli):
    application = seeded_cli.application
    before = len(application.deliveries("send_survey"))
    assert json.loads(seeded_cli("events", "replay", "--connection", "crm", "--yes", "--json").out)["replayed"] >= 5
    application.run()
    assert len(application.deliveries("send_survey")) == before


def test_deciding_again_says_whom_it_may_reach(seeded_cli):
    application = seeded_cli.application
    file = seeded_cli.folder / "nps-connect.toml"
    trigger = (
        '[[triggers]]\non = "deal.won"\nfrom = "crm"\nsurvey = "after-purchase"\n\n[connections.crm]\nplugin = "x"\n\n'
    )
    file.write_text(trigger + file.read_text())
    for person in ("1", "nobody"):
        application.webhook(application.won(person, deal=f"again-{person}"))
    application.run(only="crm/")
    told = "2 decisions on 2 events, about 1 person and 1 event of nobody known"
    again = ("events", "replay", "--connection", "crm", "--again", "the cooldown was wrong")
    assert seeded_cli(*again, "--dry-run").out == f"Would make {told}, again.\n"
    refused = seeded_cli(*again, answer="n\n")
    assert (refused.code, told in refused.err) == (1, True)
    assert json.loads(seeded_cli(*again, "--yes", "--json").out)["redone"] == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "name events by ID"),
        (["replay", "--since", "soon"], "neither a day such as 2026-01-31 nor a time such as 30d"),
        (["list", "--connection", "mial"], "there is no connection 'mial'; allowed: mail, team; did you mean 'mail'?"),
        (["list", "--raw", "--kind", "deal.won"], "webhooks (--raw) have neither"),
        (["replay", "--since", "1d", "--again", " "], "with a reason in words"),
        (["replay", "--since", "1d", "--raw", "--again", "mended"], "without --raw"),
        (["send", "nowhere", "deal.won", "--contact", "1"], "there is no connection 'nowhere'"),
        (["send", "mail", "deal.won", "--contact", "1"], "mail gives no event 'deal.won'"),
        (["send", "mail", "deal.won", "--contact", "1", "--field", "x"], "is not NAME=VALUE"),
    ],
)
def test_mistakes_are_usage_errors(seeded_cli, arguments, sentence):
    result = seeded_cli("events", *arguments)
    assert result.code == 2
    assert sentence in " ".join(result.err.split())


class TestSend:
    """A hand-made event is marked, decided like any other, and asks before a customer may be written to."""

    @pytest.fixture
    def shop(self, seeded_cli, monkeypatch):
        """The command line in front of the small vendors, whose CRM knows Zoé."""
        seeded_cli.application.crm.knows("7", "zoe@example.com")
        monkeypatch.setattr(Options, "application", lambda _options: nullcontext(seeded_cli.application.app))
        return seeded_cli

    def decisions(self, shop, event_id):
        shop.application.run()
        told = json.loads(shop("explain", "--event", str(event_id), "--json").out)
        assert told["entries"][0]["facts"]["source"] == "manual"
        return [
            (entry["facts"]["verdict"], entry["facts"]["reason"])
            for entry in told["entries"]
            if entry["kind"] == "decision"
        ]

    def test_it_is_marked_and_decided_like_any_other(self, shop):
        result = shop("events", "send", "crm", "deal.won", "--contact", "zoe@example.com", "--yes", "--json")
        assert result.code == 0, result.err
        assert self.decisions(shop, json.loads(result.out)["event"]) == [("yes", "surveyed")]
        assert shop.application.deliveries("send_survey")[-1].state == "pending"

    def test_the_rules_may_say_no(self, shop):
        result = shop("events", "send", "crm", "deal.won", "--contact", "1", "--yes", "--json")
        assert self.decisions(shop, json.loads(result.out)["event"]) == [("no", "cooldown")]

    def test_its_object_and_fields_are_those_that_were_given(self, shop):
        given = ("--object", "deal-77", "--field", "amount=120", "--field", "city=Lyon")
        result = shop("events", "send", "crm", "deal.won", "--contact", "7", *given, "--yes")
        assert "waits to be decided" in result.out
        with shop.application.ledger.read() as session:
            row = session.execute(select(EventRow).order_by(EventRow.id.desc())).scalars().first()
        assert (row.object_id, row.source, row.record["fields"]) == (
            "deal-77",
            "manual",
            {"amount": "120", "city": "Lyon"},
        )

    def test_a_dry_run_says_how_many_people_it_would_reach(self, shop):
        before = len(json.loads(shop("events", "list", "--json").out))
        for contact, reach in (("7", "1 customer"), ("nobody@example.com", "0 customers")):
            result = shop("events", "send", "crm", "deal.won", "--contact", contact, "--dry-run")
            assert result.out == f"Mail would reach {reach} at most; no event was made.\n"
        assert len(json.loads(shop("events", "list", "--json").out)) == before

    def test_slips_of_the_pen_get_the_nearest_name(self, shop):
        near = shop("events", "send", "crmm", "deal.won", "--contact", "7")
        assert (near.code, "did you mean 'crm'?" in near.err) == (2, True)
        near = shop("events", "send", "crm", "deal.own", "--contact", "7")
        assert (near.code, "did you mean 'deal.won'?" in near.err) == (2, True)

    def test_it_asks_before_a_customer_may_be_written_to(self, shop):
        before = len(json.loads(shop("events", "list", "--json").out))
        result = shop("events", "send", "crm", "deal.won", "--contact", "7", answer="n\n")
        assert result.code == 1
        assert "Mail may reach 1 customer" in result.err
        assert len(json.loads(shop("events", "list", "--json").out)) == before
