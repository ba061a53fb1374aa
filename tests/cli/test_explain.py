"""`nps-connect explain`: why a contact was or was not surveyed."""

import json

import pytest


def test_timeline_of_a_contact_is_in_time_order(seeded_cli):
    output = json.loads(seeded_cli("explain", "jean@example.com", "--json").out)
    assert output["contacts"] == ["crm:3"]
    kinds = [entry["kind"] for entry in output["entries"]]
    assert kinds[:3] == ["event", "decision", "invitation"]
    assert {"response", "delivery"} <= set(kinds)
    assert [entry["at"] for entry in output["entries"]] == sorted(entry["at"] for entry in output["entries"])
    ticket = next(entry for entry in output["entries"] if entry["facts"].get("action") == "open_ticket")
    assert "the form is closed" in ticket["text"]
    assert all("@" not in entry["text"] for entry in output["entries"])


@pytest.mark.parametrize("query", ["jean@example.com", " Jean@Example.COM", "3", "crm:3"])
def test_contact_is_found_by_address_and_by_id(seeded_cli, query):
    settings = seeded_cli.folder / "nps-connect.toml"
    if "@" not in query and "crm" not in settings.read_text():
        crm = '[connections.crm]\nplugin = "x"\n\n[connections.mail]'
        settings.write_text(settings.read_text().replace("[connections.mail]", crm))
    result = seeded_cli("explain", query)
    assert result.code == 0, result.err
    assert "crm:3" in result.out
    assert "yes (surveyed) by crm:deal.won:after-purchase" in result.out


def test_timeline_of_an_event_and_of_a_delivery(seeded_cli):
    by_event = json.loads(seeded_cli("explain", "--event", "1", "--json").out)
    assert by_event["contacts"] == ["crm:1"]
    delivery = next(entry["id"] for entry in by_event["entries"] if entry["facts"].get("action") == "write_score")
    by_delivery = json.loads(seeded_cli("explain", "--delivery", str(delivery), "--json").out)
    assert [entry["kind"] for entry in by_delivery["entries"]][:3] == ["event", "decision", "invitation"]
    assert [entry["id"] for entry in by_delivery["entries"] if entry["kind"] == "delivery"] == [delivery]


def test_suppressed_address_without_a_contact(seeded_cli):
    from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
    from nps_connect.services.suppressions.store import suppress

    application = seeded_cli.application
    with application.ledger.write() as session:
        subject = mailbox_subject(mailbox_hash("gone@example.com"))
        suppress(application.ctx, session, [subject], "bounced", source="mail")
    result = seeded_cli("explain", "gone@example.com")
    assert "suppressed  bounced" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nobody@example.com"], 1, "no contact has that e-mail address"),
        (["--event", "999"], 1, "there is no event 999"),
        (["--delivery", "999"], 1, "there is no delivery 999"),
        ([], 2, "give exactly one of CONTACT"),
        (["a@example.com", "--event", "1"], 2, "give exactly one of CONTACT"),
    ],
)
def test_unknown_subjects_and_usage_errors(seeded_cli, arguments, code, sentence):
    result = seeded_cli("explain", *arguments)
    assert result.code == code
    assert sentence in result.err
