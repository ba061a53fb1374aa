"""`nps-connect events`: list, show, replay and send."""

import json
from contextlib import nullcontext

import pytest
from sqlalchemy import select

from nps_connect.cli._support.options import Options
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.tables import EventRow


def test_list_is_newest_first_with_the_people(seeded_cli):
    rows = json.loads(seeded_cli("events", "list", "--json").out)["items"]
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert {row["what"].split()[0] for row in rows} == {"deal.won"}
    assert "marie@example.com" in seeded_cli("events", "list").out
    assert json.loads(seeded_cli("events", "list", "--state", "dead", "--json").out)["items"] == []


def test_list_filters(seeded_cli):
    def list_ids(*arguments):
        return [row["id"] for row in json.loads(seeded_cli("events", "list", *arguments, "--json").out)["items"]]

    all_ids = list_ids()
    assert list_ids("--contact", "marie@example.com") == list_ids(
        "--contact", "marie@example.com", "--kind", "deal.won"
    )
    assert len(list_ids("--contact", "marie@example.com")) == 1
    assert list_ids("--kind", "deal.lost") == []
    assert list_ids("--since", "2026-11-17", "--until", "2099-01-01") == all_ids
    assert list_ids("--until", "2026-11-16") == []
    assert seeded_cli("events", "list", "--contact", "nobody@example.com").code == 1


def test_replay_of_an_unknown_event_fails(seeded_cli):
    result = seeded_cli("events", "replay", "999", "1", "--yes")
    assert (result.code, result.err) == (1, "Error: there is no event 999; see: nps-connect events list\n")


def test_replay_dry_run_counts_events_and_people(seeded_cli):
    output = seeded_cli("events", "replay", "--contact", "marie@example.com", "--dry-run").out
    assert output == "Would replay 1 event about 1 person.\n"


def test_show_contains_the_timeline(seeded_cli):
    output = json.loads(seeded_cli("events", "show", "1", "--json").out)
    assert output["contacts"] == ["crm:1"]
    assert [entry["kind"] for entry in output["entries"]][:2] == ["event", "decision"]
    assert seeded_cli("events", "show", "999").code == 1
    text = seeded_cli("events", "show", "1").out
    assert "crm:1" in text
    assert not set("[{'") & set(text.partition("\n\n")[0])  # no lists and tables of Python


def test_the_body_of_a_webhook_is_written_to_a_private_file_only_and_audited(seeded_cli):
    application = seeded_cli.application
    application.webhook(body=b'{"not": "lea@example.com"}')
    application.run()
    number = str(json.loads(seeded_cli("events", "list", "--raw", "--state", "dead", "--json").out)["items"][0]["id"])
    shown = seeded_cli("events", "show", number, "--raw")
    assert (shown.code, "lea@" in shown.out) == (0, False)
    file = seeded_cli.folder / "body.json"
    result = seeded_cli("events", "show", number, "--raw", "--output", str(file))
    assert result.code == 0, result.err
    assert (file.read_text(), file.stat().st_mode & 0o777) == ('{"not": "lea@example.com"}', 0o600)
    with application.ledger.read() as session:
        [row] = session.execute(select(AuditRow).where(AuditRow.command == "events show")).scalars()
    assert row.object == f"webhook:{number}"
    assert seeded_cli("events", "show", "999", "--raw").err.startswith("Error: there is no webhook 999")
    assert seeded_cli("events", "show", "1", "--output", str(file)).code == 2


def test_replay_of_unreadable_webhooks(seeded_cli):
    application = seeded_cli.application
    application.webhook(body=b'{"not": "a list"}')
    application.run()
    assert "1 webhook" in seeded_cli("events", "replay", "--raw", "--state", "dead", "--dry-run").out
    assert seeded_cli("events", "replay", "--raw", "--state", "dead", "--yes").out == "Replayed 1 webhook; due now.\n"
    rows = json.loads(seeded_cli("events", "list", "--raw", "--json").out)["items"]
    assert rows[0]["state"] == "pending"


def test_replay_surveys_nobody_twice(seeded_cli):
    application = seeded_cli.application
    surveys_before = len(application.deliveries("send_survey"))
    assert json.loads(seeded_cli("events", "replay", "--connection", "crm", "--yes", "--json").out)["replayed"] >= 5
    application.run()
    assert len(application.deliveries("send_survey")) == surveys_before


def test_replay_again_redoes_decisions_after_confirmation(seeded_cli):
    application = seeded_cli.application
    file = seeded_cli.folder / "nps-connect.toml"
    trigger = (
        '[[triggers]]\non = "deal.won"\nfrom = "crm"\nsurvey = "after-purchase"\n\n[connections.crm]\nplugin = "x"\n\n'
    )
    file.write_text(trigger + file.read_text())
    for person in ("1", "nobody"):
        application.webhook(application.won(person, deal=f"second-{person}"))
    application.run(only="crm/")
    application.clock.forward("16m")  # until then a contact that is not found is looked up again
    application.run(only="crm/")
    summary = "2 decisions on 2 events, about 1 person and 1 event without a known contact"
    command = ("events", "replay", "--connection", "crm", "--again", "the cooldown was wrong")
    assert seeded_cli(*command, "--dry-run").out == f"Would redo {summary}.\n"
    refused = seeded_cli(*command, answer="n\n")
    assert (refused.code, summary in refused.err) == (1, True)
    assert json.loads(seeded_cli(*command, "--yes", "--json").out)["redone"] == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "give event IDs"),
        (
            ["replay", "--since", "soon"],
            "neither a day such as 2026-01-31, a time such as 2026-01-31T14:00 nor an age such as 30d",
        ),
        (["list", "--connection", "mial"], "there is no connection 'mial'; allowed: mail, team; did you mean 'mail'?"),
        (["list", "--raw", "--kind", "deal.won"], "they cannot be combined with --raw"),
        (["replay", "--since", "1d", "--again", " "], "requires a non-empty reason"),
        (["replay", "--since", "1d", "--raw", "--again", "fixed"], "cannot be combined with --raw"),
        (["send", "nowhere", "deal.won", "--contact", "1"], "there is no connection 'nowhere'"),
        (["send", "mail", "deal.won", "--contact", "1"], "mail has no event kind 'deal.won'"),
        (["send", "mail", "deal.won", "--contact", "1", "--field", "x"], "is not NAME=VALUE"),
    ],
)
def test_usage_errors(seeded_cli, arguments, sentence):
    result = seeded_cli("events", *arguments)
    assert result.code == 2
    assert sentence in " ".join(result.err.split())


class TestSend:
    """`events send` creates a marked event that is decided by the usual rules, after confirmation."""

    @pytest.fixture
    def crm_cli(self, seeded_cli, monkeypatch):
        """The seeded command line with the fake vendors; the CRM knows Zoé."""
        seeded_cli.application.crm.knows("7", "zoe@example.com")
        monkeypatch.setattr(Options, "open_application", lambda _options: nullcontext(seeded_cli.application.app))
        return seeded_cli

    def decisions(self, crm_cli, event_id):
        crm_cli.application.run()
        timeline = json.loads(crm_cli("explain", "--event", str(event_id), "--json").out)
        assert timeline["entries"][0]["facts"]["source"] == "manual"
        return [
            (entry["facts"]["verdict"], entry["facts"]["reason"])
            for entry in timeline["entries"]
            if entry["kind"] == "decision"
        ]

    def test_event_is_marked_and_decided(self, crm_cli):
        result = crm_cli("events", "send", "crm", "deal.won", "--contact", "zoe@example.com", "--yes", "--json")
        assert result.code == 0, result.err
        assert self.decisions(crm_cli, json.loads(result.out)["event"]) == [("yes", "surveyed")]
        assert crm_cli.application.deliveries("send_survey")[-1].state == "pending"

    def test_cooldown_applies(self, crm_cli):
        result = crm_cli("events", "send", "crm", "deal.won", "--contact", "1", "--yes", "--json")
        assert self.decisions(crm_cli, json.loads(result.out)["event"]) == [("no", "cooldown")]

    def test_object_and_fields_are_stored(self, crm_cli):
        options = ("--object", "deal-77", "--field", "amount=120", "--field", "city=Lyon")
        result = crm_cli("events", "send", "crm", "deal.won", "--contact", "7", *options, "--yes")
        assert "awaiting a decision" in result.out
        with crm_cli.application.ledger.read() as session:
            row = session.execute(select(EventRow).order_by(EventRow.id.desc())).scalars().first()
        assert (row.object_id, row.source, row.record["fields"]) == (
            "deal-77",
            "manual",
            {"amount": "120", "city": "Lyon"},
        )

    def test_dry_run_counts_customers(self, crm_cli):
        events_before = len(json.loads(crm_cli("events", "list", "--json").out)["items"])
        for contact, customers in (("7", "1 customer"), ("nobody@example.com", "0 customers")):
            result = crm_cli("events", "send", "crm", "deal.won", "--contact", contact, "--dry-run")
            assert result.out == f"Mail would reach at most {customers}; no event was created.\n"
        assert len(json.loads(crm_cli("events", "list", "--json").out)["items"]) == events_before

    @pytest.mark.parametrize("kind", ["contact.deleted", "contact.privacy_deleted"])
    def test_kinds_that_delete_or_erase_contacts_are_refused(self, crm_cli, kind):
        result = crm_cli("events", "send", "crm", kind, "--contact", "7", "--yes")
        assert result.code == 2
        assert f"{kind} is not sent by hand: delete, merge or erase the contact at crm" in " ".join(result.err.split())
        assert "nps-connect suppressions add ADDRESS" in " ".join(result.err.split())
        events = json.loads(crm_cli("events", "list", "--json").out)["items"]
        assert kind not in {row["what"].split()[0] for row in events}

    def test_typos_suggest_the_nearest_name(self, crm_cli):
        result = crm_cli("events", "send", "crmm", "deal.won", "--contact", "7")
        assert (result.code, "did you mean 'crm'?" in result.err) == (2, True)
        result = crm_cli("events", "send", "crm", "deal.own", "--contact", "7")
        assert (result.code, "did you mean 'deal.won'?" in result.err) == (2, True)

    def test_sending_mail_needs_confirmation(self, crm_cli):
        events_before = len(json.loads(crm_cli("events", "list", "--json").out)["items"])
        result = crm_cli("events", "send", "crm", "deal.won", "--contact", "7", answer="n\n")
        assert result.code == 1
        assert "This can send mail to 1 customer" in result.err
        assert len(json.loads(crm_cli("events", "list", "--json").out)["items"]) == events_before
