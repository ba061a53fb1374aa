"""`nps-connect contacts export` and `contacts erase`: requests of people about their data."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import select
from support.database_dump import find_texts

from nps_connect.cli._support.options import Options
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.tables import ContactRow

EMAIL = "jean@example.com"


@pytest.fixture
def crm_cli(seeded_cli, monkeypatch):
    """The seeded command line with the fake vendors."""
    monkeypatch.setattr(Options, "open_application", lambda _options: nullcontext(seeded_cli.application.app))
    return seeded_cli


def test_an_export_holds_everything_about_one_person_and_nothing_about_others(crm_cli):
    result = crm_cli("contacts", "export", EMAIL)
    exported = json.loads(result.out)
    assert (exported["contacts"], exported["addresses"]) == (["crm:3"], [EMAIL])
    rows = exported["rows"]
    assert [row["score"] for row in rows["responses"]] == [2]
    assert {row["action"] for row in rows["deliveries"]} >= {"send_survey", "open_ticket", "write_score"}
    assert json.loads(rows["raw_requests"][0]["body"])[0]["person"] == "3"
    for name in ("marie", "paul", "anne", "luc"):
        assert f"{name}@" not in result.out
    again = json.loads(crm_cli("contacts", "export", "crm:3").out)["rows"]
    [(command, target, _), _] = audited(crm_cli)
    assert (command, target) == ("contacts export", f"c:{rows['contacts'][0]['id']}")
    assert [row["command"] for row in again.pop("audit_log")] == [command]
    assert again == {name: listed for name, listed in rows.items() if name != "audit_log"}


def test_an_export_to_a_file_is_private(crm_cli):
    assert crm_cli("contacts", "export", EMAIL, "--output", "jean.json").err == "Written: jean.json\n"
    file = crm_cli.folder / "jean.json"
    assert json.loads(file.read_text())["contacts"] == ["crm:3"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_an_export_to_a_full_disk_is_one_sentence(crm_cli):
    result = crm_cli("contacts", "export", EMAIL, "--output", "/dev/full")
    assert (result.code, result.err) == (1, "Error: cannot write /dev/full: No space left on device\n")


@pytest.mark.parametrize("command", ["export", "erase"])
def test_of_an_unknown_person_nothing_is_stored(crm_cli, command):
    result = crm_cli("contacts", command, "nobody@example.com")
    assert result.code == 1
    assert "nothing is stored about nobody@example.com" in result.err


def test_a_dry_run_shows_the_receipt_and_changes_nothing(crm_cli):
    result = crm_cli("contacts", "erase", EMAIL, "--dry-run")
    assert result.out.startswith("Dry run, nothing is changed. To be erased: crm:3\n")
    assert "  crm: pending (not enqueued yet)\n" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert find_texts(crm_cli.application.ledger, EMAIL) == [EMAIL]
    assert crm_cli.application.deliveries("erase_contact") == []
    assert audited(crm_cli) == []


def audited(cli):
    with cli.application.ledger.read() as session:
        rows = session.execute(select(AuditRow).order_by(AuditRow.id)).scalars()
        return [(row.command, row.object, row.reason) for row in rows]


def test_an_erasure_needs_a_confirmation_and_prints_what_was_done_and_what_is_left(crm_cli):
    declined = crm_cli("contacts", "erase", EMAIL, answer="n\n")
    assert "jean@example.com: 1 contact (crm:3), " in declined.err
    assert declined.code == 1
    assert find_texts(crm_cli.application.ledger, EMAIL) == [EMAIL]
    result = crm_cli("contacts", "erase", EMAIL, "--reason", "request 7", answer="y\n")
    [delivery] = crm_cli.application.deliveries("erase_contact")
    assert (result.code, result.out.partition(" ")[0]) == (0, "Erased")
    for line in (
        "  emptied: 1 row of responses\n",
        "  emptied: 1 row of raw requests\n",
        f"  crm: pending (nps-connect deliveries show {delivery.id})\n",
        "  contact crm:3\n",
        "  sent: 1 of send survey\n",
        "  backups made before now; after a restore the person is erased again\n",
    ):
        assert line in result.out
    assert find_texts(crm_cli.application.ledger, EMAIL) == []
    with crm_cli.application.ledger.read() as session:
        erased = session.execute(select(ContactRow).where(ContactRow.erased_at.is_not(None))).scalar_one()
    assert audited(crm_cli) == [("contacts erase", f"c:{erased.id}", "request 7")]
    crm_cli.application.run()
    assert [item.contact_ids for item in crm_cli.application.crm.erasures] == [("3", *receipts(crm_cli))]


def receipts(cli):
    rows = cli.application.deliveries("write_score")
    with cli.application.ledger.read() as session:
        erased = session.execute(select(ContactRow.id).where(ContactRow.erased_at.is_not(None))).scalar_one()
    return [row.receipt_id for row in rows if row.contact_id == erased]


def test_a_receipt_as_json_and_the_second_one_of_the_same_person(crm_cli):
    receipt = json.loads(crm_cli("contacts", "erase", "crm:3", "--yes", "--json").out)
    assert (receipt["done"], receipt["contacts"], receipt["mailboxes"]) == (True, ["crm:3"], 1)
    assert receipt["at_vendors"][0]["connection"] == "crm"
    assert receipt["remaining"] == [{"connection": "crm", "kind": "contact", "id": "3", "link": None}]
    assert receipt["not_recalled"] == ["messages", "exports", "reviews", "logs", "backups"]
    by_address = crm_cli("contacts", "erase", EMAIL, "--yes")
    assert (by_address.code, f"{EMAIL} was erased on 20" in by_address.err) == (1, True)
    crm_cli.application.run()
    again = json.loads(crm_cli("contacts", "erase", "crm:3", "--yes", "--json").out)
    assert again["at_vendors"] == [receipt["at_vendors"][0] | {"state": "succeeded"}]
