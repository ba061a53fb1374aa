"""`nps-connect explain`: why somebody was asked, or why not."""

import json

import pytest


def test_a_person_s_whole_story_in_order(seeded_cli):
    told = json.loads(seeded_cli("explain", "jean@example.com", "--json").out)
    assert told["contacts"] == ["crm:3"]
    kinds = [entry["kind"] for entry in told["entries"]]
    assert kinds[:3] == ["event", "decision", "invitation"]
    assert {"response", "delivery"} <= set(kinds)
    assert [entry["at"] for entry in told["entries"]] == sorted(entry["at"] for entry in told["entries"])
    ticket = next(entry for entry in told["entries"] if entry["facts"].get("action") == "open_ticket")
    assert "the form is closed" in ticket["text"]
    assert all("@" not in entry["text"] for entry in told["entries"])


@pytest.mark.parametrize("asked", ["jean@example.com", " Jean@Example.COM", "3", "crm:3"])
def test_people_are_found_by_address_and_by_id(seeded_cli, asked):
    settings = seeded_cli.folder / "nps-connect.toml"
    if "@" not in asked and "crm" not in settings.read_text():
        crm = '[connections.crm]\nplugin = "x"\n\n[connections.mail]'
        settings.write_text(settings.read_text().replace("[connections.mail]", crm))
    result = seeded_cli("explain", asked)
    assert result.code == 0, result.err
    assert "crm:3" in result.out
    assert "yes (surveyed) by crm:deal.won:after-purchase" in result.out


def test_an_event_and_a_delivery_tell_their_own_chain(seeded_cli):
    by_event = json.loads(seeded_cli("explain", "--event", "1", "--json").out)
    assert by_event["contacts"] == ["crm:1"]
    delivery = next(entry["id"] for entry in by_event["entries"] if entry["facts"].get("action") == "write_score")
    by_delivery = json.loads(seeded_cli("explain", "--delivery", str(delivery), "--json").out)
    assert [entry["kind"] for entry in by_delivery["entries"]][:3] == ["event", "decision", "invitation"]
    assert [entry["id"] for entry in by_delivery["entries"] if entry["kind"] == "delivery"] == [delivery]


def test_a_suppressed_address_of_nobody_we_know_is_told(seeded_cli):
    from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
    from nps_connect.services.suppressions.store import suppress

    application = seeded_cli.application
    with application.ledger.write() as session:
        subject = mailbox_subject(mailbox_hash("gone@example.com"))
        suppress(session, [subject], "bounced", source="mail", now=application.clock())
    result = seeded_cli("explain", "gone@example.com")
    assert "stopped  bounced" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nobody@example.com"], 1, "nobody is known"),
        (["--event", "999"], 1, "there is no event 999"),
        (["--delivery", "999"], 1, "there is no delivery 999"),
        ([], 2, "name a CONTACT"),
        (["a@example.com", "--event", "1"], 2, "name a CONTACT"),
    ],
)
def test_what_is_not_there_is_said(seeded_cli, arguments, code, sentence):
    result = seeded_cli("explain", *arguments)
    assert result.code == code
    assert sentence in result.err
