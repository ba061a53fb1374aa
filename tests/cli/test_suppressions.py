"""`nps-connect suppressions add`, `remove` and `list`."""

from __future__ import annotations

import json

from sqlalchemy import select

from nps_connect.ledger.audit_log import AuditRow


def load_audit(cli) -> list[tuple[str, str, str]]:
    with cli.application.ledger.read() as session:
        rows = session.execute(select(AuditRow).order_by(AuditRow.id)).scalars()
        return [(row.actor_kind, row.command, row.reason) for row in rows]


def list_json(cli) -> list[dict[str, str]]:
    return json.loads(cli("suppressions", "list", "--json").out)["items"]


def test_an_added_suppression_stops_mail_and_is_recorded(seeded_cli):
    result = seeded_cli("suppressions", "add", "marie@example.com", "--reason", "asked by phone")
    assert result.code == 0, result.err
    assert "Suppressed: 1 mailbox, 1 contact." in result.out
    assert {(row["of"], row["contact"], row["reason"], row["source"]) for row in list_json(seeded_cli)} == {
        ("mailbox", "crm:1", "opted_out", "operator"),
        ("person", "crm:1", "opted_out", "operator"),
    }
    assert "opted_out" in seeded_cli("suppressions", "list").out
    assert load_audit(seeded_cli) == [("cli", "suppressions add", "asked by phone")]
    assert seeded_cli("suppressions", "add", "marie@example.com").code == 2, "a reason is required"


def test_an_address_without_a_contact_can_be_suppressed_but_not_an_unknown_id(seeded_cli):
    assert "1 mailbox, 0 contacts" in seeded_cli("suppressions", "add", "new@example.com", "--reason", "letter").out
    assert [row["contact"] for row in list_json(seeded_cli)] == [None]
    refused = seeded_cli("suppressions", "add", "crm:999", "--reason", "letter")
    assert (refused.code, "no contact with an e-mail address matches" in refused.err) == (1, True)


def test_removing_an_opt_out_needs_consent(seeded_cli):
    seeded_cli("suppressions", "add", "marie@example.com", "--reason", "asked by phone")
    refused = seeded_cli("suppressions", "remove", "marie@example.com", "--reason", "a mistake")
    assert (refused.code, "--i-have-consent" in refused.err) == (1, True)
    assert len(list_json(seeded_cli)) == 2
    removed = seeded_cli(
        "suppressions", "remove", "marie@example.com", "--reason", "signed up again", "--i-have-consent"
    )
    assert removed.out == "Removed: opted_out.\n"
    assert list_json(seeded_cli) == []
    assert load_audit(seeded_cli)[-1] == ("cli", "suppressions remove", "signed up again")
    again = seeded_cli("suppressions", "remove", "marie@example.com", "--reason", "again")
    assert "this person is not suppressed" in again.err
